"""A step of a replay as Markdown, to be pasted into a ticket."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from events.api.responses import iso
from events.json.markdown import code, json_block
from projections.replay.compare import Difference
from projections.replay.findings import Finding
from projections.replay.shown import ShownState
from projections.replay.why import Why
from projections.replay.window import WindowStep
from projections.values import exact_json
from projections.values.markdown import change_line
from projections.views.causes import Because

_MAX_CHANGES = 40


def markdown(
    shown_state: ShownState, *, url: str, findings: Sequence[Finding], why: Why | None, causes: Sequence[Because]
) -> str:
    """Return a step, or the difference between two, as the page at `url` shows it. Long parts are cut with a note."""
    return "\n".join(_lines(shown_state, url, findings, why, causes)) + "\n"


def _lines(
    shown_state: ShownState, url: str, findings: Sequence[Finding], why: Why | None, causes: Sequence[Because]
) -> Iterator[str]:
    window, step = shown_state.window, shown_state.window.step
    yield f"# {_heading(shown_state)}"
    yield ""
    yield f"{code(window.source.words)} by {code(window.projection.name)} version {window.projection.version}, "
    yield f"log {code(shown_state.address.log_name)}: <{url}>"
    for finding in findings:
        yield f"\n**{finding.title}**: {code(finding.words)}"
    if step and not shown_state.difference:
        yield from _event(step)
    if not shown_state.is_known:
        reason = code(str(shown_state.failure)) if shown_state.failure else "it is still being folded."
        yield f"\nThe state is not known: {reason}"
        return
    yield from _changes(shown_state)
    if why:
        yield from _why(why)
        yield from _because(causes)
    yield f"\n## State after {_name(step)}" if not shown_state.difference else "\n## State after the later step"
    yield from json_block(exact_json.dumps(shown_state.after))


def _heading(shown_state: ShownState) -> str:
    if shown_state.difference:
        first, last = shown_state.difference.first, shown_state.difference.last
        return f"Difference {first.n if first.n is not None else f'#{first.place}'} to {last.n or f'#{last.place}'}"
    step = shown_state.window.step
    by = f" by {code(step.event.agent)}" if step and step.event.agent else ""
    return f"{_name(step).capitalize()}: {code(step.event.type)}{by}" if step else "Step 0"


def _name(step: WindowStep | None) -> str:
    return f"step {step.n or f'#{step.place}'}" if step else "step 0"


def _event(step: WindowStep) -> Iterator[str]:
    event = step.event
    yield f"\n## Event #{event.position}, {iso(event.at)}"
    yield f"\nStream {code(event.stream)}, version {event.version}"
    if event.tags:
        yield f"Tags {', '.join(map(code, event.tags))}"
    yield from json_block(event.data)


def _changes(shown_state: ShownState) -> Iterator[str]:
    changes = shown_state.changes
    yield f"\n## {'What differs' if shown_state.difference else 'What it changed'}: {len(changes)}\n"
    makers = _makers(shown_state.difference) if shown_state.difference else [""] * len(changes)
    for change, maker in list(zip(changes, makers, strict=True))[:_MAX_CHANGES]:
        yield f"- {change_line(change)}{maker}"
    if len(changes) > _MAX_CHANGES:
        yield f"- and {len(changes) - _MAX_CHANGES} more that are not listed"


def _makers(difference: Difference) -> Iterator[str]:
    for event in difference.makers:
        by = f" by {code(event.agent)}" if event and event.agent else ""
        yield f", set by #{event.position} {code(event.type)}{by}" if event else ""


def _why(why: Why) -> Iterator[str]:
    yield f"\n## Why {code(why.pointer or 'the whole state')}\n"
    for change in why.changes:
        by = f" by {code(change.event.agent)}" if change.event.agent else ""
        operations = "; ".join(map(change_line, change.operations[:2]))
        yield f"- step {change.n or f'#{change.place}'}, {code(change.event.type)}{by}: {operations}"
    if why.unlisted_count or why.rest:
        yield "- earlier changes are not listed"


def _because(chain: Sequence[Because]) -> Iterator[str]:
    if chain:
        yield "\nBecause of:\n"
    for cause in chain:
        by = f" by {code(cause.event.agent)}" if cause.event.agent else ""
        yield f"- {cause.label} {code(cause.event.type)}{by}"
