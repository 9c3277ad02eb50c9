"""What projections found wrong in a source: lost updates, what came out of order, lists that changed on the way."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import F, Func, TextField, Value

from events.json.pointer import below
from events.reading.db_work import Asking
from events.reading.store import Read
from events.types import Event
from projections.catalog.collisions import collisions
from projections.catalog.latest import latest
from projections.catalog.lifecycle import lifecycle
from projections.catalog.run import run
from projections.definition.fold import ReducerFailed
from projections.definition.projection import Projection
from projections.materialise.checkpoints import live
from projections.states.fold import Fold, Pace, TooFar
from projections.states.fold_cursor import SPACING, WIDE
from projections.states.sources.base import Source
from projections.states.sources.indexed import LogSource, WorkflowSource

_SOUGHT = {collisions.name: "lost updates", lifecycle.name: "what came out of order", run.name: "changed lists"}
_COUNTS = {
    collisions.name: (("lost", "lost_updates"), ("possible", "possible_ones")),
    lifecycle.name: (("illegal", "illegal_transitions"),),
}
"""What states count, and the lists that hold the newest of it."""
_SHOWN = 200
_PACE = Pace(most=WIDE + 100)
"""They stand beside what was asked for: so it folds less than a block for them."""
_AMONG = "$.*[*] ? (@.by.position >= $first && @.overwritten.position <= $last)"


@dataclass(frozen=True, slots=True)
class Shown:
    """Where a state shows what was found: the projection and the value; with `stream`, in that one's replay."""

    by: str
    pointer: str
    stream: str | None = None
    version: int = 0


@dataclass(frozen=True, slots=True)
class Finding:
    """`position` is that of the event it was found at, `place` where that stands in the source."""

    position: int
    what: str
    words: str
    is_sure: bool = True
    shown: Shown | None = None
    place: int = 0


@dataclass(frozen=True, slots=True)
class Findings:
    """The newest ones up to a position, in order. `missing`: the projections that were too far to be asked; `failed`:
    those whose reducer raised; `unlisted`: how many more they found, earlier ones that they only count by now."""

    found: tuple[Finding, ...] = ()
    missing: tuple[tuple[Projection, TooFar], ...] = ()
    failed: tuple[tuple[Projection, ReducerFailed], ...] = ()
    unlisted: int = 0

    @property
    def total(self) -> int:
        """How many there are with those that are not listed."""
        return len(self.found) + self.unlisted

    @property
    def awaited(self) -> str:
        """What the missing ones would find, in words."""
        return ", ".join(_SOUGHT[projection.name] for projection, _ in self.missing)

    @property
    def unknown(self) -> str:
        """What the failed ones would have found."""
        return ", ".join(_SOUGHT[projection.name] for projection, _ in self.failed)

    @property
    def sure(self) -> frozenset[int]:
        """The positions where something is wrong beyond doubt."""
        return frozenset(each.position for each in self.found if each.is_sure)

    @property
    def possible(self) -> frozenset[int]:
        """Those where something may be."""
        return frozenset(each.position for each in self.found) - self.sure

    @property
    def certain(self) -> int:
        """How many are beyond doubt: of one position there may be several."""
        return sum(each.is_sure for each in self.found)

    @property
    def doubtful(self) -> int:
        """How many are not."""
        return len(self.found) - self.certain

    def at(self, position: int) -> list[Finding]:
        """Those at a position; what is sure comes first."""
        return sorted((each for each in self.found if each.position == position), key=lambda each: not each.is_sure)


def findings(log_id: int, source: Source, *, events: Sequence[Event], head: int) -> Asking[Findings]:
    """What there is up to the last of some events of a source, where that takes no long fold.

    A source may have only some events of a stream: what these overwrote of others there, and others of theirs, is what
    the runner found. An agent, a query and a key have only some of all: then that is all there is. It stands in for a
    long fold, too.
    """
    if not events:
        return Findings()
    found: list[Finding] = []
    missing, failed = [], []
    folded = set()
    unlisted = 0
    for projection, read in _readers(source, events):
        try:
            fold = Fold(log_id, projection, source, head)
            cursor = yield from fold.to(events[-1].position, pace=_PACE)
            # The next steps have the same last event.
            yield from fold.keep(cursor, is_asked=cursor.passed >= SPACING)
            found += read(cursor.state)
            unlisted += _forgotten(projection, cursor.state)
            folded.add(projection)
        except TooFar as too_far:
            missing.append((projection, too_far))
        except ReducerFailed as error:
            failed.append((projection, error))
    if collisions not in folded or isinstance(source, WorkflowSource):
        kept: list[list[dict[str, Any]]] = yield _kept(log_id, events)
        here = {event.position for event in events}
        found += _beside([each for of_stream in kept for each in of_stream], here, is_judged=collisions in folded)
    unique = sorted(dict.fromkeys(found), key=lambda each: each.position)
    newest = unique[-_SHOWN:]
    places = yield from source.places_of(log_id, {each.position for each in newest})
    listed = (replace(each, place=places[each.position]) for each in newest if each.position in places)
    return Findings(tuple(listed), tuple(missing), tuple(failed), unlisted + len(unique) - len(newest))


def _readers(
    source: Source, events: Sequence[Event]
) -> Iterator[tuple[Projection, Callable[[Any], Iterator[Finding]]]]:
    """The projections that find something, and what reads it out of their states."""
    if not source.is_whole:
        return  # what stood between its events is not in it
    yield collisions, lambda state: map(_overwrote, [*state["lost_updates"], *state["possible_ones"]])
    yield lifecycle, lambda state: map(_out_of_order, state["illegal_transitions"])
    # A run is a stream or a workflow, and where nothing is said that it knows, there is none.
    known = {run.handler(each.type) for each in events} - {run.handlers["*"]}
    if known and not isinstance(source, LogSource):
        yield run, _changed_lists


def _forgotten(projection: Projection, state: Any) -> int:
    """How many a state only counts."""
    return sum(state[count] - len(state[listed]) for count, listed in _COUNTS.get(projection.name, ()))


def _overwrote(each: dict[str, Any]) -> Finding:
    """A collision, at the event that overwrote."""
    words = f"{_who(each['by'])} overwrote {each['key']} by {_who(each['overwritten'])}: {each['because']}"
    return _collision(each, each["by"]["position"], words)


def _was_overwritten(each: dict[str, Any]) -> Finding:
    """A collision, at the event that was overwritten."""
    words = f"what it says of {each['key']} was overwritten by {_who(each['by'])}: {each['because']}"
    return _collision(each, each["overwritten"]["position"], words)


def _collision(each: dict[str, Any], position: int, words: str) -> Finding:
    is_sure = each["verdict"] == "lost update"
    shown = Shown(latest.name, below("", each["key"]), each["stream"], each["by"]["version"])
    return Finding(position, "Lost update" if is_sure else "Possible lost update", words, is_sure, shown)


def _who(writer: dict[str, Any]) -> str:
    return f"{writer['agent'] or 'somebody'} (#{writer['position']:,})"


def _out_of_order(each: dict[str, Any]) -> Finding:
    allowed = " or ".join(each["allowed_from"])
    words = f"{each['type']} came while {each['work']} was {each['from']}; expected {allowed}"
    return Finding(int(each["id"]), "Out of order", words)


def _changed_lists(state: dict[str, Any]) -> Iterator[Finding]:
    """The lists that somebody repeated otherwise than they were given."""
    for name, claim in state["claims"].items():
        if not claim["agrees"]:
            shown = Shown(run.name, below(below("/lists", name), "items"))
            yield Finding(claim["position"], "List changed on the way", _unlike(name, claim), shown=shown)


def _unlike(name: str, claim: dict[str, Any]) -> str:
    sources = " and ".join(f"{source['by']} (#{source['position']:,})" for source in claim["sources"])
    extra = [f"{each['item']} ({_place(each['stands_at'])})" for each in claim["extra"]]
    lacks = f" lacks {_few(claim['missing'])}" if claim["missing"] else ""
    has = f" has {_few(extra)}" if extra else ""
    return f"{name} by {claim['by']}{lacks}{' and' if lacks and has else ''}{has}, unlike {sources}"


def _place(n: int | None) -> str:
    return "not there" if n is None else f"number {n} there"


def _few(items: list[str]) -> str:
    return ", ".join(items[:3]) + (f" and {len(items) - 3} more" if len(items) > 3 else "")


def _kept(log_id: int, events: Sequence[Event]) -> Read[list[dict[str, Any]]]:
    """The collisions that the runner found in the streams of some events, from the first to the last of those."""
    span = json.dumps({"first": events[0].position, "last": events[-1].position})
    parts = F("search"), Value(_AMONG), Value(span)
    among = Func(*parts, template="jsonb_path_query_array(%(expressions)s::jsonb)::text", output_field=TextField())
    states = live(log_id, collisions.name).filter(key__in={event.stream for event in events})
    return Read(states.values_list(among), json.loads)


def _beside(kept: Sequence[dict[str, Any]], here: set[int], *, is_judged: bool) -> Iterator[Finding]:
    """Those of the events at some positions; if what is between two of them `is_judged`, of one and one elsewhere."""
    for each in kept:
        by, overwritten = (each[which]["position"] in here for which in ("by", "overwritten"))
        if by and not (overwritten and is_judged):
            yield _overwrote(each)
        elif overwritten and not by:
            yield _was_overwritten(each)
