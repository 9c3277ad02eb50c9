"""The rows of timelines, streams, workflows and agents."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

from django.urls import reverse

from events.converters import names_string, workflow_url
from events.models import Log
from events.views.durations import took
from events.views.event_line import EventLine
from events.views.glyphs import Glyphs
from events.views.swimlanes import LaneMark
from events.views.workflows import WorkflowRow
from eventsite.jinja.environment import icon
from projections.replay.address import ReplayAddress
from projections.states.sources.parse import KINDS
from projections.views.agent_activity import Presence
from tests.benchmarks.bare_html.parts import (
    agent_html,
    drawn,
    error_html,
    moment,
    said_html,
    text,
    typed,
)


def timeline_rows(lines: Iterable[EventLine], events_url: str, glyphs: Glyphs) -> str:
    return "".join(_timeline_row(line, f"{events_url}{line.event.position}", glyphs) for line in lines)


def _timeline_row(line: EventLine, url: str, glyphs: Glyphs) -> str:
    event, stream = line.event, line.event.stream
    return (
        f'<article class="event-item"><a class="event-row{error_html(line)}" href="{url}" hx-get="{url}"'
        f' data-position="{event.position}">{moment(event.at)}<span class="pos">{event.position:,}</span>'
        f'{typed(line, glyphs)}<span class="stream" title="{text(stream)}">'
        f'<span class="visually-hidden">{text(stream)}</span>'
        f'<span class="start" aria-hidden="true">{text(stream[:-6])}</span>'
        f'<span class="end" aria-hidden="true">{text(stream[-6:])}</span></span>'
        f'{agent_html(event)}<span class="sum">{said_html(line)}</span></a></article>'
    )


def stream_rows(lines: Iterable[EventLine], events_url: str, glyphs: Glyphs) -> str:
    return "".join(_stream_row(line, f"{events_url}{line.event.position}", glyphs) for line in lines)


def _stream_row(line: EventLine, url: str, glyphs: Glyphs) -> str:
    event = line.event
    return (
        f'<article class="event-item"><a class="event-row{error_html(line)}" href="{url}" hx-get="{url}">'
        f'{moment(event.at)}<span class="pos">{event.version:,}</span>{typed(line, glyphs)} {agent_html(event)}'
        f'<span class="sum">{said_html(line)}</span></a></article>'
    )


def workflow_rows(rows: Iterable[WorkflowRow], events_url: str, glyphs: Glyphs) -> str:
    return "".join(_workflow_row(row, f"{events_url}{row.line.event.position}", glyphs) for row in rows)


def _workflow_row(row: WorkflowRow, url: str, glyphs: Glyphs) -> str:
    line, event = row.line, row.line.event
    hook = '<i class="hook" aria-hidden="true"></i>' if row.after else ""
    since = f"+{took(row.since_start)}" if row.since_start is not None else ""
    cause = ""
    if row.after:
        after = took(row.since_cause) if row.since_cause is not None else ""
        cause = f'{after} <span class="faint">← #{row.after:,}</span>'
    elif row.outside:
        title = "Its cause is not among the events shown here"
        cause = f'<span class="faint" title="{title}">← #{row.outside:,}, not shown</span>'
    return (
        f'<article class="event-item"><a class="event-row{error_html(line)}" href="{url}" hx-get="{url}">'
        f'<span class="pos">#{event.position:,}</span><span class="what d{row.depth}">{hook}{typed(line, glyphs)}'
        f'<span class="sum ellipsis">{said_html(line)}</span></span>{agent_html(event)}'
        f'<span class="num">{since}</span><span class="num">{cause}</span></a></article>'
    )


def lane_marks(marks: Iterable[LaneMark], events_url: str, glyphs: Glyphs) -> str:
    return "".join(_lane_mark(mark, events_url, glyphs) for mark in marks)


def _lane_mark(mark: LaneMark, events_url: str, glyphs: Glyphs) -> str:
    event = mark.line.event
    glyph = glyphs(event.type, mark.line.failed)
    return (
        f'<a href="{events_url}{event.position}" tabindex="-1"><title>#{event.position:,} {text(event.type)}</title>'
        f'<svg x="{mark.x - 6}" y="{mark.y - 6}" width="12" height="12"><rect width="12" height="12" class="hit"/>'
        f'<use class="glyph t{glyph.colour}" href="#t-{glyph.shape}"/>'
        "</svg></a>"
    )


def wires(paths: Iterable[str]) -> str:
    return "".join(f'<path d="{path}"/>' for path in paths)


def agent_rows(agents: Iterable[Presence], log: Log, events_url: str, glyphs: Glyphs) -> str:
    urls = reverse("timeline", args=[log.name]), reverse("projection-state", args=[log.name, "agents"])
    return "".join(_agent_row(agent, log.name, glyphs, events_url, *urls) for agent in agents)


def _agent_row(
    agent: Presence, log_name: str, glyphs: Glyphs, events_url: str, timeline_url: str, state_url: str
) -> str:
    name, id_ = text(agent.name), quote(agent.name, safe="")
    workflow = last = ""
    if agent.workflow is not None:
        workflow = (
            f'<a class="link muted" id="w-{id_}" href="{text(workflow_url(log_name, agent.workflow))}"'
            f' title="{text(agent.workflow)}"><bdi>{text(agent.workflow)}</bdi></a>'
        )
    if agent.last_line:
        event = agent.last_line.event
        last = (
            f'<a class="lastev" id="e-{id_}" href="{events_url}{event.position}">'
            f"{drawn(glyphs(event.type, agent.last_line.failed))}"
            f'<b>{text(event.type)}</b><span class="mono ellipsis">{said_html(agent.last_line)}</span></a>'
        )
    bars = f'<path d="{agent.bars}"/><path class="none" d="{agent.gaps}"/>'
    replay_url = text(
        _replay_url(log_name, "agent", agent.name, agent.last_line.event.position if agent.last_line else 0)
    )
    seen = f"{agent.seen_at:%Y-%m-%d %H:%M:%S}"
    return (
        f'<tr><th scope="row" class="name"><a class="link mono" id="a-{id_}" data-row'
        f' href="{timeline_url}{text(names_string(agent=agent.name))}" title="{name}"><bdi>{name}</bdi></a></th>'
        f'<td class="doing"><span class="state off">{icon("minus", 14, "icon")}{text(agent.activity or "Idle")}</span>'
        "</td>"
        f'<td class="wf mono">{workflow}</td><td class="open"></td><td class="last fill">{last}</td>'
        f'<td class="r mono ago" title="{seen} UTC">{took(agent.idle_time)}</td>'
        '<td class="rate"><div><svg class="sparkbars" viewBox="0 0 59 20" width="59" height="20" role="img"'
        f' aria-label="{agent.recent_events:,} event{"" if agent.recent_events == 1 else "s"}">{bars}</svg>'
        f'<span class="mono" aria-hidden="true">{agent.recent_events:,}</span></div></td>'
        f'<td class="r mono events">{agent.events:,}</td>'
        f'<td class="r mono failures{" bad" if agent.failures else ""}">{agent.failures:,}</td>'
        f'<td class="ways"><a class="link" id="r-{id_}" href="{replay_url}">'
        f'Replay<span class="visually-hidden"> {name}</span></a> '
        f'<a class="link" id="s-{id_}" href="{state_url}?key={id_}">State'
        f'<span class="visually-hidden"> of {name}</span></a></td></tr>'
    )


def _replay_url(log_name: str, kind: str, name: str, place: int) -> str:
    return ReplayAddress(log_name, KINDS[kind](name)).step(place)
