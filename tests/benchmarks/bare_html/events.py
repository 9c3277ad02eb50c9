"""The page of an event: its neighbours, its facts, its data as a tree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import quote

from django.urls import reverse

from events.converters import names_string, workflow_url
from events.json.tree import PickUrls, RowUrls, TreeRow
from events.models import Log
from events.types import Event
from events.views.event import Rail
from eventsite.jinja.environment import icon
from projections.views.template_functions import StateLink
from tests.benchmarks.bare_html.parts import (
    pick_links,
    precise,
    text,
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
        return pick_links(picks[name]) if name in picks else ""

    agent = workflow = '<span class="faint">none given</span>'
    if event.agent is not None:
        url = f"{timeline_url}{names_string(agent=event.agent)}"
        agent = f'<a class="link" href="{text(url)}"><bdi>{text(event.agent)}</bdi></a>'
    if (name := event.correlation_id) is not None:
        workflow = (
            f'<a class="link" href="{text(workflow_url(log.name, name))}"><bdi>{text(name)}</bdi></a> '
            f'<a class="link faint" href="{text(timeline_url + names_string(correlation=name))}">on the timeline</a>'
        )
    occurred = precise(event.occurred_at) if event.occurred_at else '<span class="faint">not sent</span>'
    links = " ".join(_state_link(state) for state in states)
    return (
        f'<dl class="facts"><dt>id</dt><dd><bdi id="event-id-{event.position}">{text(event.id)}</bdi></dd>'
        f'<dt>stream</dt><dd><a class="link" href="{text(reverse("stream", args=[log.name, event.stream]))}">'
        f"<bdi>{text(event.stream)}</bdi></a>{picked('stream')}</dd><dt>version</dt><dd>{event.version:,}</dd>"
        f'<dt>type</dt><dd><a class="link" href="{text(timeline_url + names_string(type=event.type))}">'
        f'<bdi>{text(event.type)}</bdi></a> <span class="faint">schema {event.schema_version}</span>'
        f"{picked('type')}</dd>"
        f"<dt>agent</dt><dd>{agent}{picked('agent')}</dd><dt>workflow</dt><dd>{workflow}{picked('correlation')}</dd>"
        f"<dt>occurred</dt><dd>{occurred}</dd><dt>recorded</dt><dd>{precise(event.recorded_at)}</dd>"
        f"<dt>states</dt><dd>{links}</dd></dl>"
    )


def _state_link(state: StateLink) -> str:
    shown = (
        f'<a class="link" href="{text(state.url)}" title="{text(state.projection.about)}">{state.projection.name}</a>'
    )
    if state.key and state.projection.key.name not in ("stream", "workflow"):
        shown += f' <bdi class="faint">{text(state.key)}</bdi>'
    return shown


def tree_rows(rows: Iterable[TreeRow], links: RowUrls) -> str:
    return "".join(f"\n{_tree_row(row, links)}" for row in rows)


def _tree_row(row: TreeRow, links: RowUrls) -> str:
    mark = _mark(row)
    if row.shape == "close":
        return "</ul></details></li>"
    if row.shape == "more":
        return _left_out(row, links)
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
    pick = pick_links(row.pick) if row.pick else ""
    content = f'{end}{mark}<span class="kvp">{key}{old}{value}{pick}</span>'
    return f'<li class="tree-row d{row.indent} {row.mark}">{content}</li>'


def _left_out(row: TreeRow, links: RowUrls) -> str:
    query = f"{quote(row.pointer, safe='')}&amp;skip={row.first}"
    link = ""
    if links.part:
        link = (
            f': <a class="link" href="{text(links.inside)}{query}" hx-get="{text(links.part)}{query}"'
            ' hx-target="closest li" hx-push-url="false" hx-swap="outerHTML">show</a>'
        )
    return (
        f'<li class="tree-row d{row.indent}"><span class="mark"></span><span class="kvp">'
        f'<span class="faint hatch more">{row.length:,} more not shown{link}</span></span></li>'
    )


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
