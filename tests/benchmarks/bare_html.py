"""The parts of pages that list what the log holds, written by f-strings: the floor below their templates.

Each function gives the HTML that the template of the same part gives, to the letter; `bare_pages` compares them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from urllib.parse import quote

from django.urls import reverse
from django.utils import timezone
from markupsafe import escape

from events.api.responses import iso
from events.converters import names_string, workflow_url
from events.json.tree import PickUrls, RowUrls, TreeRow
from events.json.value import visible
from events.models import Log
from events.types import Event
from events.views.event import Rail
from events.views.event_line import EventLine, slot
from events.views.swimlanes import LaneMark
from events.views.template_functions import took
from events.views.workflows import WorkflowRow as WorkflowRow
from eventsite.jinja.environment import icon
from projections.replay.address import ReplayAddress
from projections.replay.drawing.strip import Column, Strip
from projections.replay.views.steps_pane import ListedStep, StepsPane
from projections.states.sources.parse import KINDS
from projections.values.summary import ChangeSummary
from projections.views.agent_activity import Presence
from projections.views.template_functions import StateLink


def text(value: str) -> str:
    return escape(visible(value))


def timeline_rows(lines: Iterable[EventLine], events_url: str) -> str:
    return "".join(_timeline_row(line, f"{events_url}{line.event.position}") for line in lines)


def _timeline_row(line: EventLine, url: str) -> str:
    event, stream = line.event, line.event.stream
    return (
        f'<article class="event-item"><a class="event-row{_error(line)}" href="{url}" hx-get="{url}"'
        f' data-position="{event.position}">{_moment(event.at)}<span class="pos">{event.position:,}</span>'
        f'{_typed(line)}<span class="stream" title="{text(stream)}"><span class="visually-hidden">{text(stream)}</span>'
        f'<span class="start" aria-hidden="true">{text(stream[:-6])}</span>'
        f'<span class="end" aria-hidden="true">{text(stream[-6:])}</span></span>'
        f'{_agent(event)}<span class="sum">{_said(line)}</span></a></article>'
    )


def stream_rows(lines: Iterable[EventLine], events_url: str) -> str:
    return "".join(_stream_row(line, f"{events_url}{line.event.position}") for line in lines)


def _stream_row(line: EventLine, url: str) -> str:
    event = line.event
    return (
        f'<article class="event-item"><a class="event-row{_error(line)}" href="{url}" hx-get="{url}">'
        f'{_moment(event.at)}<span class="pos">{event.version:,}</span>{_typed(line)} {_agent(event)}'
        f'<span class="sum">{_said(line)}</span></a></article>'
    )


def workflow_rows(rows: Iterable[WorkflowRow], events_url: str) -> str:
    return "".join(_workflow_row(row, f"{events_url}{row.line.event.position}") for row in rows)


def _workflow_row(row: WorkflowRow, url: str) -> str:
    line, event = row.line, row.line.event
    hook = '<i class="hook" aria-hidden="true"></i>' if row.after else ""
    since = f"+{took(row.since_start)}" if row.since_start is not None else ""
    cause = ""
    if row.after:
        after = took(row.since_cause) if row.since_cause is not None else ""
        cause = f'{after} <span class="faint">← #{row.after:,}</span>'
    elif row.outside:
        title = "Its cause is not among the events shown"
        cause = f'<span class="faint" title="{title}">← #{row.outside:,}, not shown</span>'
    return (
        f'<article class="event-item"><a class="event-row{_error(line)}" href="{url}" hx-get="{url}">'
        f'<span class="pos">#{event.position:,}</span><span class="what d{row.depth}">{hook}{_typed(line)}'
        f'<span class="sum ellipsis">{_said(line)}</span></span>{_agent(event)}'
        f'<span class="num">{since}</span><span class="num">{cause}</span></a></article>'
    )


def lane_marks(marks: Iterable[LaneMark], events_url: str) -> str:
    return "".join(_lane_mark(mark, events_url) for mark in marks)


def _lane_mark(mark: LaneMark, events_url: str) -> str:
    event = mark.line.event
    kind = slot(event.type)
    return (
        f'<a href="{events_url}{event.position}" tabindex="-1"><title>#{event.position:,} {text(event.type)}</title>'
        f'<svg x="{mark.x - 6}" y="{mark.y - 6}" width="12" height="12"><rect width="12" height="12" class="hit"/>'
        f'<use class="glyph t{"err" if mark.line.failed else kind}" href="#t-{"error" if mark.line.failed else kind}"/>'
        "</svg></a>"
    )


def wires(paths: Iterable[str]) -> str:
    return "".join(f'<path d="{path}"/>' for path in paths)


def agent_rows(agents: Iterable[Presence], log: Log, events_url: str) -> str:
    urls = reverse("timeline", args=[log.name]), reverse("projection-state", args=[log.name, "agents"])
    return "".join(_agent_row(agent, log.name, events_url, *urls) for agent in agents)


def _agent_row(agent: Presence, log_name: str, events_url: str, timeline_url: str, state_url: str) -> str:
    name, id_ = text(agent.name), quote(agent.name, safe="")
    workflow = last = ""
    if agent.workflow is not None:
        workflow = (
            f'<a class="link muted" id="w-{id_}" href="{text(workflow_url(log_name, agent.workflow))}"'
            f' title="{text(agent.workflow)}"><bdi>{text(agent.workflow)}</bdi></a>'
        )
    if agent.last:
        event = agent.last.event
        last = (
            f'<a class="lastev" id="e-{id_}" href="{events_url}{event.position}">'
            f"{_glyph(event.type, failed=agent.last.failed)}"
            f'<b>{text(event.type)}</b><span class="mono ellipsis">{_said(agent.last)}</span></a>'
        )
    bars = "".join(
        f'<rect x="{bar.x}" y="{bar.y}" width="3" height="{bar.height}"/>'
        if bar.height
        else f'<rect class="none" x="{bar.x}" y="19" width="3" height="1"/>'
        for bar in agent.bars
    )
    replay_url = text(_replay_url(log_name, "agent", agent.name, agent.last.event.position if agent.last else 0))
    seen = f"{agent.seen_at:%Y-%m-%d %H:%M:%S}"
    return (
        f'<tr><th scope="row" class="name"><a class="link mono" id="a-{id_}" data-row'
        f' href="{timeline_url}{text(names_string(agent=agent.name))}" title="{name}"><bdi>{name}</bdi></a></th>'
        f'<td class="doing"><span class="state off">{icon("minus", 14, "icon")}{text(agent.doing or "Idle")}</span>'
        "</td>"
        f'<td class="wf mono">{workflow}</td><td class="open"></td><td class="last fill">{last}</td>'
        f'<td class="r mono ago" title="{seen} UTC">{took(agent.ago)}</td>'
        '<td class="rate"><div><svg class="sparkbars" viewBox="0 0 59 20" width="59" height="20" role="img"'
        f' aria-label="{agent.recent:,} event{"" if agent.recent == 1 else "s"}">{bars}</svg>'
        f'<span class="mono" aria-hidden="true">{agent.recent:,}</span></div></td>'
        f'<td class="r mono events">{agent.events:,}</td>'
        f'<td class="r mono failures{" bad" if agent.failures else ""}">{agent.failures:,}</td>'
        f'<td class="ways"><a class="link" id="r-{id_}" href="{replay_url}">'
        f'Replay<span class="visually-hidden"> {name}</span></a> '
        f'<a class="link" id="s-{id_}" href="{state_url}?key={id_}">State'
        f'<span class="visually-hidden"> of {name}</span></a></td></tr>'
    )


def rails(every: Iterable[Rail], event: Event, log: Log, events_url: str) -> str:
    return "".join(
        f'<div class="rail-row"><span class="rl">{rail.label}</span>'
        f"{_rail_step(rail.previous, 'Previous', 'prev', 'chevron-left', rail.along, events_url)}"
        + (
            f'<a class="mono ellipsis" href="{text(rail.url)}" title="{text(rail.name)}">'
            f"<bdi>{text(rail.name)}</bdi></a>"
            if rail.url
            else f'<span class="mono ellipsis">#{event.position:,} of {log.head:,}</span>'
        )
        + f"{_rail_step(rail.next, 'Next', 'next', 'chevron-right', rail.along, events_url)}</div>"
        for rail in every
        if rail.previous or rail.next or rail.url
    )


def _rail_step(position: int | None, words: str, rel: str, sign: str, along: str, events_url: str) -> str:
    if not position:
        return "<span></span>"
    return (
        f'<a class="button icon-only quiet" rel="{rel}" href="{events_url}{position}"'
        f' aria-label="{words} {along}: #{position}" title="#{position:,}">{icon(sign)}</a>'
    )


def facts(event: Event, log: Log, picks: Mapping[str, PickUrls], states: Sequence[StateLink]) -> str:
    timeline_url = reverse("timeline", args=[log.name])

    def picked(name: str) -> str:
        return _picks(picks[name]) if name in picks else ""

    agent = workflow = '<span class="faint">none given</span>'
    if event.agent is not None:
        url = f"{timeline_url}{names_string(agent=event.agent)}"
        agent = f'<a class="link" href="{text(url)}"><bdi>{text(event.agent)}</bdi></a>'
    if (name := event.correlation_id) is not None:
        workflow = (
            f'<a class="link" href="{text(workflow_url(log.name, name))}"><bdi>{text(name)}</bdi></a> '
            f'<a class="link faint" href="{text(timeline_url + names_string(correlation=name))}">on the timeline</a>'
        )
    occurred = _precise(event.occurred_at) if event.occurred_at else '<span class="faint">not sent</span>'
    links = " ".join(_state_link(state) for state in states)
    return (
        f'<dl class="facts"><dt>id</dt><dd><bdi id="event-id-{event.position}">{text(event.id)}</bdi></dd>'
        f'<dt>stream</dt><dd><a class="link" href="{text(reverse("stream", args=[log.name, event.stream]))}">'
        f"<bdi>{text(event.stream)}</bdi></a>{picked('stream')}</dd><dt>version</dt><dd>{event.version:,}</dd>"
        f'<dt>type</dt><dd><a class="link" href="{text(timeline_url + names_string(type=event.type))}">'
        f'<bdi>{text(event.type)}</bdi></a> <span class="faint">schema {event.schema_version}</span>'
        f"{picked('type')}</dd>"
        f"<dt>agent</dt><dd>{agent}{picked('agent')}</dd><dt>workflow</dt><dd>{workflow}{picked('correlation')}</dd>"
        f"<dt>occurred</dt><dd>{occurred}</dd><dt>recorded</dt><dd>{_precise(event.recorded_at)}</dd>"
        f"<dt>states</dt><dd>{links}</dd></dl>"
    )


def _state_link(state: StateLink) -> str:
    shown = (
        f'<a class="link" href="{text(state.url)}" title="{text(state.projection.about)}">{state.projection.name}</a>'
    )
    if state.key and state.projection.key.name not in ("stream", "workflow"):
        shown += f' <bdi class="faint">{text(state.key)}</bdi>'
    return shown


def steps(pane: StepsPane, address: ReplayAddress) -> str:
    return "".join(_step(each, address) for each in pane.listed)


def _step(each: ListedStep, address: ReplayAddress) -> str:
    event, step = each.line.event, each.step
    look = " now" if each.is_now else " ahead" if each.is_ahead else ""
    number = f"{step.n:,}" if step.n is not None else f"#{step.place:,}"
    if each.changes:
        words = "".join(f'<bdi class="kv">{text(one.name or "state")}</bdi> {_new(one)} ' for one in each.changes)
    else:
        words = f'<span class="faint">{_said(each.line)}</span>'
    url = f"{address.prefix}{step.place}{text(address.suffix)}"
    count = current = focus = ""
    if each.is_now:
        current = ' aria-current="step"'
        focus = f'<noscript><a class="visually-hidden" href="{url}" autofocus>Current step</a></noscript>'
    if step.changes is not None:
        changes = len(step.changes)
        count = f'<span title="{changes} value{"" if changes == 1 else "s"} changed">{changes}</span>'
    return (
        f'<li class="step{look}{" wrong" if each.is_bad else ""}" data-agent="{text(event.agent or "")}"'
        f' data-stream="{text(event.stream)}" data-at="{event.at.isoformat()}">'
        f'<a href="{url}"{current} title="{text(event.type)}">'
        f'<span class="n">{number}</span>{_glyph(event.type, failed=each.line.failed)}'
        f'<bdi class="who">{text(event.agent or event.type)}</bdi><span class="what ellipsis">{words}</span>'
        f'<span class="d">{count}</span></a>{focus}</li>'
    )


def _new(one: ChangeSummary) -> str:
    if one.op == "remove":
        return f"<del>{text(one.old)}</del>"
    new = ' class="new"' if one.op == "replace" else ""
    return f"<bdi{new}>{text(one.new)}</bdi>"


def columns(strip: Strip, address: ReplayAddress) -> str:
    return "".join(_column(column, strip, address) for column in strip.columns)


def _column(column: Column, strip: Strip, address: ReplayAddress) -> str:
    """A column of a strip of more than 48 steps."""
    look = " now" if column.is_now else " ahead" if column.is_ahead else ""
    label = bar = ""
    if column.label:
        label = f'<text class="label{" fifth" if column.is_fifth else ""}" y="16">{column.label}</text>'
    if column.bar:
        bar = f'<rect class="bar" x="-2" width="4" y="{column.bar_y}" height="{column.bar}"/>'
    return (
        f'<a class="column{look}" href="{address.prefix}{column.step.place}{text(address.suffix)}" tabindex="-1">'
        f"<title>{text(column.title)}</title>"
        f'<rect class="hit" x="{column.left}" y="0" width="{strip.width}" height="{strip.height}"/>'
        f'<svg x="{column.x}" y="0" overflow="visible">{label}'
        f'<use class="glyph t{column.look}" href="#t-{column.symbol}" x="-4" y="{column.y - 4}" width="8" height="8"/>'
        f"{bar}</svg></a>"
    )


def tree_rows(rows: Iterable[TreeRow], links: RowUrls) -> str:
    return "".join(f"\n{_tree_row(row, links)}" for row in rows)


def _tree_row(row: TreeRow, links: RowUrls) -> str:
    mark = _mark(row)
    if row.shape == "close":
        return "</ul></details></li>"
    key = f'<span class="key"><bdi>{text(row.key)}</bdi></span>' if row.key is not None else ""
    old = f'<bdi class="old val">{text(row.old)}</bdi><span class="arrow">→</span>' if row.old else ""
    end = _row_end(row, links) if row.end else ""
    pointer = quote(row.pointer, safe="")
    if row.shape == "open":
        part = later = inside = ""
        if links.part:
            part = f' data-at="{text(row.pointer)}"'
            if row.is_later:
                later = (
                    f' hx-get="{text(links.part)}{pointer}" hx-trigger="toggle once" hx-target="find ul"'
                    ' hx-push-url="false" hx-swap="innerHTML"'
                )
        if row.is_later:
            inside = (
                f'<li class="tree-row d{row.indent}"><span class="mark"></span><span class="kvp">'
                f'<a class="link" href="{text(links.inside)}{pointer}">Open it</a></span></li>'
            )
        return (
            f'<li class="tree-item">{end}<details{" open" if row.unfolded else ""}{part}{later}>'
            f'<summary class="tree-row d{row.indent} {row.mark}">{mark}<span class="kvp">{key}{old}'
            f'<span class="v-c">{text(row.text)}</span></span></summary><ul>{inside}'
        )
    value = (
        f'<bdi class="val v-{row.kind}{" new" if row.mark in ("chg", "add") else ""}" title="{text(row.text)}">'
        f"{text(row.text)}</bdi>"
    )
    if links.why and row.mark != "del":
        value = (
            f'<a class="val why-of" href="{text(links.why)}{pointer}" title="Why is it {text(row.text)}?">{value}</a>'
        )
    picks = _picks(row.pick) if row.pick else ""
    content = f'{end}{mark}<span class="kvp">{key}{old}{value}{picks}</span>'
    return f'<li class="tree-row d{row.indent} {row.mark}">{content}</li>'


def _mark(row: TreeRow) -> str:
    sign, words = {
        "": ("", ""),
        "add": ("+", "added"),
        "chg": ("~", "changed"),
        "del": ("−", "removed"),
        "within": ("·", "changed within"),
    }[row.mark]
    if not sign:
        return '<span class="mark"></span>'
    return (
        f'<span class="mark"><span aria-hidden="true">{sign}</span><span class="visually-hidden">{words}</span></span>'
    )


def _row_end(row: TreeRow, links: RowUrls) -> str:
    end, pin, by = row.end, "", ""
    if end.pin_url:
        does = "Unpin" if end.is_pinned else "Pin"
        current = ' aria-current="true"' if end.is_pinned else ""
        pin = (
            f'<a class="pin" id="pin{text(row.pointer)}" href="{text(end.pin_url)}"'
            f' aria-label="{does} {text(row.key or "")}" title="{does} (p)"{current}>'
            '<svg class="icon sm" aria-hidden="true"><use href="#i-pin"/></svg></a>'
        )
    if setter := end.setter:
        agent = f" <bdi>{text(setter.agent)}</bdi>" if setter.agent else ""
        url = f"{text(links.why)}{quote(row.pointer, safe='')}"
        by = f'<a class="by" href="{url}" title="{text(setter.words)}">{text(setter.label)}{agent}</a>'
    return f'<span class="tail">{pin}{by}</span>'


def _moment(at: datetime) -> str:
    if at.year == timezone.now().year:
        day, clock, milliseconds = f"{at:%m-%d}", f"{at:%H:%M:%S}", f".{at.microsecond // 1000:03d}"
    else:
        day, clock, milliseconds = f"{at.year:04d}-{at:%m-%d}", f"{at:%H:%M:%S}", ""
    return (
        f'<time class="time" datetime="{iso(at)}" title="{_exactly(at)}"><span class="day">{day}</span> {clock}'
        f'<span class="ms">{milliseconds}</span></time>'
    )


def _precise(at: datetime) -> str:
    return f'<time class="precise" datetime="{iso(at)}" title="{_exactly(at)}">{_exactly(at)}</time>'


def _exactly(at: datetime) -> str:
    return f"{at.year:04d}-{at:%m-%d %H:%M:%S.%f} UTC"


def _error(line: EventLine) -> str:
    return " is-error" if line.failed else ""


def _typed(line: EventLine) -> str:
    name, failed = text(line.event.type), '<span class="visually-hidden">, failed</span>' if line.failed else ""
    glyph = _glyph(line.event.type, failed=line.failed)
    return f'<span class="type" title="{name}">{glyph}<span>{name}</span>{failed}</span>'


def _glyph(type_name: str, *, failed: bool) -> str:
    kind = slot(type_name)
    colour, shape = ("err", "error") if failed else (kind, kind)
    return f'<svg class="glyph t{colour} " aria-hidden="true"><use href="#t-{shape}"/></svg>'


def _agent(event: Event) -> str:
    name = text(event.agent or "")
    return f'<span class="agent" title="{name}">{name}</span>'


def _said(line: EventLine) -> str:
    words = ""
    for one in line.pairs:
        if one.key:
            words += f'<bdi class="kv">{text(one.key)}</bdi> '
        words += f'<bdi class="{"bad" if one.bad else f"v-{one.kind}"}">{text(one.text)}</bdi>  '
    return words


def _picks(pick: PickUrls) -> str:
    return (
        f'<span class="picks"><a href="{text(pick.include)}" aria-label="Add to query">+</a>'
        f'<a href="{text(pick.exclude)}" aria-label="Exclude">−</a></span>'
    )


def _replay_url(log_name: str, kind: str, name: str, place: int) -> str:
    return ReplayAddress(log_name, KINDS[kind](name)).step(place)
