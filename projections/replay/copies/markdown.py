"""A step of a replay as Markdown, to be pasted into a ticket."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from events.api.responses import iso
from projections.replay.compare import Difference
from projections.replay.shown import Seen
from projections.replay.why import Why
from projections.replay.window import Stop
from projections.values import exact_json
from projections.values.markdown import change_line, code, json_block
from projections.views.causes import Because

_CHANGES = 40


def markdown(seen: Seen, words: str, url: str, page: Mapping[str, Any]) -> str:
    """What the page says of a step, or of the difference between two. What is long is cut, and says so."""
    return "\n".join(_lines(seen, words, url, page)) + "\n"


def _lines(seen: Seen, words: str, url: str, page: Mapping[str, Any]) -> Iterator[str]:
    made, stop = seen.made, seen.made.stop
    yield f"# {_heading(seen)}"
    yield ""
    yield f"{code(words)} by {code(made.projection.name)} version {made.projection.version}, "
    yield f"log {code(seen.address.log_name)}: <{url}>"
    for each in page["found_here"]:
        yield f"\n**{each.what}**: {code(each.words)}"
    if stop and not seen.difference:
        yield from _event(stop)
    if not seen.is_known:
        yield f"\nThe state is not known: {code(str(seen.failed)) if seen.failed else 'it is still being folded.'}"
        return
    yield from _changes(seen)
    if page.get("why"):
        yield from _why(page["why"])
        yield from _because(page["because"])
    yield f"\n## State after {_name(stop)}" if not seen.difference else "\n## State after the later step"
    yield from json_block(exact_json.dumps(seen.after))


def _heading(seen: Seen) -> str:
    if seen.difference:
        first, last = seen.difference.first, seen.difference.last
        return f"Difference {first.n if first.n is not None else f'#{first.place}'} to {last.n or f'#{last.place}'}"
    stop = seen.made.stop
    by = f" by {code(stop.event.agent)}" if stop and stop.event.agent else ""
    return f"{_name(stop).capitalize()}: {code(stop.event.type)}{by}" if stop else "Step 0"


def _name(stop: Stop | None) -> str:
    return f"step {stop.n or f'#{stop.place}'}" if stop else "step 0"


def _event(stop: Stop) -> Iterator[str]:
    event = stop.event
    yield f"\n## Event #{event.position}, {iso(event.at)}"
    yield f"\nStream {code(event.stream)}, version {event.version}"
    yield from json_block(event.data)


def _changes(seen: Seen) -> Iterator[str]:
    changes = seen.changes
    yield f"\n## {'What differs' if seen.difference else 'What it changed'}: {len(changes)}\n"
    makers = _makers(seen.difference) if seen.difference else [""] * len(changes)
    for change, maker in list(zip(changes, makers, strict=True))[:_CHANGES]:
        yield f"- {change_line(change)}{maker}"
    if len(changes) > _CHANGES:
        yield f"- and {len(changes) - _CHANGES} more that are not listed"


def _makers(difference: Difference) -> Iterator[str]:
    for event in difference.makers:
        by = f" by {code(event.agent)}" if event and event.agent else ""
        yield f", set by #{event.position} {code(event.type)}{by}" if event else ""


def _why(why: Why) -> Iterator[str]:
    yield f"\n## Why {code(why.pointer or 'the whole state')}\n"
    for each in why.changes:
        by = f" by {code(each.event.agent)}" if each.event.agent else ""
        said = "; ".join(map(change_line, each.operations[:2]))
        yield f"- step {each.n or f'#{each.place}'}, {code(each.event.type)}{by}: {said}"
    if why.more or why.rest:
        yield "- earlier changes are not listed"


def _because(chain: Sequence[Because]) -> Iterator[str]:
    if chain:
        yield "\nBecause of:\n"
    for each in chain:
        by = f" by {code(each.event.agent)}" if each.event.agent else ""
        yield f"- {each.label} {code(each.event.type)}{by}"
