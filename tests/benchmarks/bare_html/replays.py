"""The page of a replay: the list and the strip."""

from __future__ import annotations

from events.views.glyphs import Glyphs
from projections.replay.address import ReplayAddress
from projections.replay.drawing.strip import Column, Strip
from projections.replay.views.steps_pane import ListedStep, StepsPane
from projections.values.summary import ChangeSummary
from tests.benchmarks.bare_html.parts import (
    drawn,
    said_html,
    text,
)


def steps(pane: StepsPane, address: ReplayAddress, glyphs: Glyphs) -> str:
    return "".join(_step(each, address, glyphs) for each in pane.rows)


def _step(each: ListedStep, address: ReplayAddress, glyphs: Glyphs) -> str:
    event, step = each.line.event, each.step
    look = " now" if each.is_now else " ahead" if each.is_ahead else ""
    number = f"{step.n:,}" if step.n is not None else f"#{step.place:,}"
    if each.changes:
        words = "".join(f'<bdi class="kv">{text(one.name or "state")}</bdi> {_new(one)} ' for one in each.changes)
    else:
        words = f'<span class="faint">{said_html(each.line)}</span>'
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
        f'<span class="n">{number}</span>{drawn(glyphs(event.type, each.line.failed))}'
        f'<bdi class="who">{text(event.agent or event.type)}</bdi><span class="what ellipsis">{words}</span>'
        f'<span class="d">{count}</span></a>{focus}</li>'
    )


def _new(one: ChangeSummary) -> str:
    if one.op == "remove":
        return f"<del>{text(one.old)}</del>"
    new = ' class="new"' if one.op == "replace" else ""
    return f"<bdi{new}>{text(one.new)}</bdi>"


def columns(strip: Strip, address: ReplayAddress, glyphs: Glyphs) -> str:
    return "".join(_column(column, strip, address, glyphs) for column in strip.columns)


def _column(column: Column, strip: Strip, address: ReplayAddress, glyphs: Glyphs) -> str:
    """A column of a strip of more than 48 steps."""
    glyph = glyphs(column.line.event.type, column.line.failed)
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
        f'<use class="glyph t{glyph.colour}" href="#t-{glyph.shape}" x="-4" y="{column.y - 4}" width="8" height="8"/>'
        f"{bar}</svg></a>"
    )
