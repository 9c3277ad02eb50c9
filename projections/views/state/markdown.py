"""The page of one state as Markdown: a moment, the changes between two, the setters, the history of a value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.http import HttpResponse

from events.api.responses import iso
from events.json.markdown import code, json_block
from events.json.tree import TreeRow
from events.views.representation import markdown_response
from projections.values.markdown import change_line
from projections.views.other_formats import staleness
from projections.views.state.difference_pane import DifferencePane
from projections.views.state.history_pane import HistoryPane
from projections.views.state.moment_pane import MomentPane
from projections.views.state.page import StatePage

_MAX_SETTERS = 100
_MAX_CHANGES = 100


def state_markdown(page: StatePage, log_name: str, *, url: str) -> HttpResponse:
    """Return the page at `url` as Markdown."""
    title = f"# {code(page.key or 'the whole log')} by {code(page.projection.name)}, log {code(log_name)}\n"
    return markdown_response([title, f"<{url}>", *_lines(page)], status=400 if page.problems else 200)


def _lines(page: StatePage) -> Iterator[str]:
    if page.problems:
        yield "\n".join(page.problems)
    elif page.job:
        yield f"\nEvents are being folded (job {page.job.id}): ask again."
    elif failed := page.failed:
        yield f"\nThe reducer raised at #{failed.event.position} {code(failed.event.type)}: {code(failed.error)}"
    elif page.no_state:
        yield f"\nThe reducer returned a value that is not JSON: {page.no_state}"
    elif page.difference:
        yield from _difference(page.difference)
    elif page.moment:
        yield from _moment(page.moment, is_now=page.is_now)
        if page.history and page.history.events:
            yield from _history(page.history)
        else:
            yield from _setters(page.moment.rows)


def _difference(pane: DifferencePane) -> Iterator[str]:
    yield f"\n## From #{pane.from_position} to #{pane.after.position}\n"
    yield from (f"- {change_line(change)}" for change in pane.changes[:_MAX_CHANGES])
    yield from json_block(pane.after.text)


def _moment(pane: MomentPane, *, is_now: bool) -> Iterator[str]:
    state, event = pane.state, pane.event
    last = f", the last #{event.position} {code(event.type)} at {iso(event.recorded_at)}" if event else ""
    stale = state.stale if is_now else None
    moment = "At that moment" if not is_now else "Now" if stale is None else f"As of #{stale.position}"
    yield f"\n## {moment}: {state.events} events{last}"
    yield from staleness(stale)
    yield from json_block(state.text)


def _history(pane: HistoryPane) -> Iterator[str]:
    yield f"\n## History of {code(pane.pointer or 'the whole state')}\n"
    for each in pane.events:
        changes = "; ".join(f"{op} {code(f'{old} → {new}')}" for op, _, old, new in each.changes)
        yield f"- #{each.event.position} {code(each.event.type)}{_by(each.event.agent)}: {changes}"


def _setters(rows: Sequence[TreeRow]) -> Iterator[str]:
    set_values = [(row.pointer, row.by) for row in rows if row.by and row.by.position]
    if set_values:
        yield "\n## Setters of the values\n"
    for pointer, setter in set_values[:_MAX_SETTERS]:
        yield f"- {code(pointer or 'the whole state')}: #{setter.position} {code(setter.type)}{_by(setter.agent)}"


def _by(agent: str | None) -> str:
    return f" by {code(agent)}" if agent else ""
