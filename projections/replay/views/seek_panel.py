"""The seek panel of a replay's page: a condition to write, conditions one click away, and the breakpoints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from events.query.printing import to_text
from events.query.tree import Name, Named, Pattern
from projections.replay.address import ReplayAddress
from projections.replay.seek.breakpoints import Breakpoint, BreakpointHits, breakpoint_hits
from projections.replay.views.why_pane import Toggle
from projections.replay.window import Window
from projections.states.sources.indexed import AgentSource, StreamSource


@dataclass(frozen=True, slots=True)
class QuickSeek:
    """A condition that is one click away: the addresses run forward or back to it.

    `group` is the heading of its kind.
    """

    group: str
    words: str
    title: str
    next_url: str
    previous_url: str


@dataclass(frozen=True, slots=True)
class BreakpointChip:
    """A breakpoint, and the address without it."""

    breakpoint: Breakpoint
    remove_url: str


@dataclass(frozen=True, slots=True)
class SeekPanel:
    """The form with its hidden `fields`, the quick seeks by group, and the breakpoints.

    `own_break` sets a breakpoint at the type of the current event; None at step 0.
    """

    text: str
    fields: list[tuple[str, str]]
    quick: list[tuple[str, list[QuickSeek]]]
    breaks: BreakpointHits
    chips: list[BreakpointChip]
    continue_url: str
    reverse_url: str
    own_break: Toggle | None


def seek_panel(window: Window, address: ReplayAddress, breakpoints: Sequence[Breakpoint], *, place: int) -> SeekPanel:
    """Return the seek panel of a step."""
    texts = address.all("break")
    quick_seeks = groupby(_quick_seeks(window, address, place), lambda quick_seek: quick_seek.group)
    return SeekPanel(
        text=address.one("to") or "",
        fields=[(name, value) for name, value in address.pairs() if name != "to"],
        quick=[(group, list(members)) for group, members in quick_seeks],
        breaks=breakpoint_hits(window, breakpoints),
        chips=[BreakpointChip(each, address.step(place, break_=_toggled(texts, each.text))) for each in breakpoints],
        continue_url=address.step(place, way="continue"),
        reverse_url=address.step(place, way="reverse"),
        own_break=_own_break(window, address, place),
    )


def _own_break(window: Window, address: ReplayAddress, place: int) -> Toggle | None:
    if window.step is None:
        return None
    texts, text = address.all("break"), _term(Name.TYPE, window.step.event.type)
    return Toggle(text in texts, address.step(place, break_=_toggled(texts, text)))


def _quick_seeks(window: Window, address: ReplayAddress, place: int) -> Iterator[QuickSeek]:
    def quick_seek(group: str, words: str, title: str, **seek: str) -> QuickSeek:
        return QuickSeek(group, words, title, *(address.step(place, way=way, **seek) for way in ("next", "previous")))

    source = window.source
    if window.step:
        event = window.step.event
        yield quick_seek("Same", "type", event.type, to=_term(Name.TYPE, event.type))
        if event.agent is not None and not isinstance(source, AgentSource):
            yield quick_seek("Same", "agent", event.agent, to=_term(Name.AGENT, event.agent))
        if not isinstance(source, StreamSource):
            yield quick_seek("Same", "stream", event.stream, to=_term(Name.STREAM, event.stream))
    yield quick_seek("Any", "failed", "step that failed", failed="1")
    for pointer in address.all("pin"):
        yield quick_seek("Change of", pointer or "state", f"change of {pointer or 'the state'}", watch=pointer)


def _term(name: Name, text: str) -> str:
    return to_text(Named(name, Pattern((text,))))


def _toggled(texts: tuple[str, ...], text: str) -> tuple[str, ...]:
    return tuple(each for each in texts if each != text) if text in texts else (*texts, text)
