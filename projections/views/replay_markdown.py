"""A step of a replay as Markdown, to be pasted into a ticket."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from events.answers import iso
from events.json_value import brief
from projections import state_text
from projections.comparing import Difference
from projections.replay import Stop
from projections.types import Change, Json
from projections.views.replay_state import Seen
from projections.views.replay_why import Because
from projections.why import Why

_SHOWN = 6_000
"""Characters of a JSON text."""
_CHANGES = 40
_VALUE = 200
_MARKS = {"add": "+", "remove": "−", "replace": "~", "move": "↕"}


def markdown(seen: Seen, words: str, url: str, page: Mapping[str, Any]) -> str:
    """What the page says of a step, or of the difference between two. What is long is cut, and says so."""
    return "\n".join(_lines(seen, words, url, page)) + "\n"


def _lines(seen: Seen, words: str, url: str, page: Mapping[str, Any]) -> Iterator[str]:
    made, stop = seen.made, seen.made.stop
    yield f"# {_heading(seen)}"
    yield ""
    yield f"{_code(words)} by {_code(made.projection.name)} version {made.projection.version}, "
    yield f"log {_code(seen.address.log_name)}: <{url}>"
    for each in page["found_here"]:
        yield f"\n**{each.what}**: {_code(each.words)}"
    if stop and not seen.difference:
        yield from _event(stop)
    if not seen.is_known:
        yield f"\nThe state is not known: {_code(str(seen.failed)) if seen.failed else 'it is still being folded.'}"
        return
    yield from _changes(seen)
    if page.get("why"):
        yield from _why(page["why"])
        yield from _because(page["because"])
    yield f"\n## State after {_name(stop)}" if not seen.difference else "\n## State after the later step"
    yield from _json(state_text.dumps(seen.after))


def _heading(seen: Seen) -> str:
    if seen.difference:
        first, last = seen.difference.first, seen.difference.last
        return f"Difference {first.n if first.n is not None else f'#{first.place}'} to {last.n or f'#{last.place}'}"
    stop = seen.made.stop
    by = f" by {_code(stop.event.agent)}" if stop and stop.event.agent else ""
    return f"{_name(stop).capitalize()}: {_code(stop.event.type)}{by}" if stop else "Step 0"


def _name(stop: Stop | None) -> str:
    return f"step {stop.n or f'#{stop.place}'}" if stop else "step 0"


def _event(stop: Stop) -> Iterator[str]:
    event = stop.event
    yield f"\n## Event #{event.position}, {iso(event.at)}"
    yield f"\nStream {_code(event.stream)}, version {event.version}"
    yield from _json(event.data)


def _changes(seen: Seen) -> Iterator[str]:
    changes = seen.changes
    yield f"\n## {'What differs' if seen.difference else 'What it changed'}: {len(changes)}\n"
    makers = _makers(seen.difference) if seen.difference else [""] * len(changes)
    for change, maker in list(zip(changes, makers, strict=True))[:_CHANGES]:
        yield f"- {_change(change)}{maker}"
    if len(changes) > _CHANGES:
        yield f"- and {len(changes) - _CHANGES} more that are not listed"


def _makers(difference: Difference) -> Iterator[str]:
    for event in difference.makers:
        by = f" by {_code(event.agent)}" if event and event.agent else ""
        yield f", set by #{event.position} {_code(event.type)}{by}" if event else ""


def _change(change: Change) -> str:
    path = f"`{_MARKS[change.op]}` {_code(change.path or 'the whole state')}"
    values = {"add": (change.value,), "remove": (change.old,), "replace": (change.old, change.value), "move": ()}
    return f"{path}: {' → '.join(map(_value, values[change.op]))}" if values[change.op] else f"{path} moved"


def _why(why: Why) -> Iterator[str]:
    yield f"\n## Why {_code(why.pointer or 'the whole state')}\n"
    for each in why.changes:
        by = f" by {_code(each.event.agent)}" if each.event.agent else ""
        said = "; ".join(map(_change, each.operations[:2]))
        yield f"- step {each.n or f'#{each.place}'}, {_code(each.event.type)}{by}: {said}"
    if why.more or why.rest:
        yield "- earlier changes are not listed"


def _because(chain: Sequence[Because]) -> Iterator[str]:
    if chain:
        yield "\nBecause of:\n"
    for each in chain:
        by = f" by {_code(each.event.agent)}" if each.event.agent else ""
        yield f"- {each.label} {_code(each.event.type)}{by}"


def _value(value: Json) -> str:
    text = brief(value)
    return _code(text if len(text) <= _VALUE else f"{text[:_VALUE]}…")


def _json(text: str) -> Iterator[str]:
    """JSON in a block, as it is stored; of what is long, the first part."""
    shown = text[:_SHOWN]
    fence = "`" * max(3, _longest(shown) + 1)
    yield f"\n{fence}json\n{shown}\n{fence}"
    if len(text) > _SHOWN:
        yield f"\nThese are the first {_SHOWN:,} of {len(text):,} characters."


def _code(text: str) -> str:
    """A text as it is, whatever stands in it."""
    flat = " ".join(text.split())
    fence = "`" * (_longest(flat) + 1)
    return f"{fence} {flat} {fence}" if "`" in flat else f"`{flat}`"


def _longest(text: str) -> int:
    """The longest run of backticks."""
    return max(map(len, re.findall("`+", text)), default=0)
