"""What a replay's page offers to run to: a condition to write, what is one click away, and the breakpoints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from events.query.printing import to_text
from events.query.tree import Name, Named, Pattern
from projections.replay.address import Address
from projections.replay.seek.breakpoints import Breakpoint, marks
from projections.replay.window import Replay
from projections.states.sources.indexed import AgentSource, StreamSource


@dataclass(frozen=True, slots=True)
class Pick:
    """A condition that is one click away, run to on or back: what is `said` before those of its kind, and its words."""

    said: str
    words: str
    title: str
    next: str
    previous: str


@dataclass(frozen=True, slots=True)
class Chip:
    """A breakpoint; `rest` is the address without it."""

    shown: Breakpoint
    rest: str


def panel(made: Replay, address: Address, every: Sequence[Breakpoint], *, step: int) -> dict[str, Any]:
    """The form's fields, the picks and the breakpoints, for a template."""
    texts = address.all("break")
    own = _term(Name.TYPE, made.stop.event.type) if made.stop else None
    return {
        "seek_text": address.one("to") or "",
        "seek_fields": [(name, value) for name, value in address.pairs() if name != "to"],
        "picks": [(said, list(picks)) for said, picks in groupby(_picks(made, address, step), lambda each: each.said)],
        "breaks": marks(made, every),
        "chips": [Chip(each, address.step(step, break_=_toggled(texts, each.text))) for each in every],
        "continue_url": address.step(step, way="continue"),
        "reverse_url": address.step(step, way="reverse"),
        "is_own_break": own in texts,
        "own_break_url": address.step(step, break_=_toggled(texts, own)) if own else None,
    }


def _picks(made: Replay, address: Address, step: int) -> Iterator[Pick]:
    def pick(said: str, words: str, title: str, **asked: str) -> Pick:
        return Pick(said, words, title, *(address.step(step, way=way, **asked) for way in ("next", "previous")))

    source = made.source
    if made.stop:
        event = made.stop.event
        yield pick("Same", "type", event.type, to=_term(Name.TYPE, event.type))
        if event.agent is not None and not isinstance(source, AgentSource):
            yield pick("Same", "agent", event.agent, to=_term(Name.AGENT, event.agent))
        if not isinstance(source, StreamSource):
            yield pick("Same", "stream", event.stream, to=_term(Name.STREAM, event.stream))
    yield pick("Any", "failed", "step that failed", failed="1")
    for pointer in address.all("pin"):
        yield pick("Change of", pointer or "state", f"change of {pointer or 'the state'}", watch=pointer)


def _term(name: Name, text: str) -> str:
    return to_text(Named(name, Pattern((text,))))


def _toggled(texts: tuple[str, ...], text: str) -> tuple[str, ...]:
    return tuple(each for each in texts if each != text) if text in texts else (*texts, text)
