"""What an unfinished term of a query can become: fields, names that the log has seen, paths and values in its data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.utils import timezone

from events.errors import Invalid
from events.json.value import loads
from events.query.fields import ABOUT, ALIASES, CAN_BE_MISSING
from events.query.parse import parse
from events.query.picking import equal_term, name_term
from events.query.printing import to_text
from events.query.reading import refuse_state
from events.query.times import pin_times
from events.query.tree import EVERYTHING, EachItem, KeyStep, Name, Path, Query, Root
from events.query.unfinished import Unfinished
from events.query.words import path_text
from events.reading import scan, store
from events.reading.store import NameSeen

MOST = 20
_FEW = 5
_SAMPLE = 40
"""Events that fit the rest of the query, in whose data paths and values are looked for."""
_SAMPLE_FOR = 0.1
_SAMPLE_BYTES = 4 * 2**20
_DEEP = 8
_ITEMS = 3
_LEAVES = 200
_MOST_JSON = 100_000

_SEEN: dict[str, NameSeen] = {"type": "type", "agent": "agent", "stream": "stream", "correlation": "correlation_id"}
_ONLY_IN_REPLAYS = ("state", "changed")
_AGES = {"15m": "15 minutes ago", "1h": "an hour ago", "24h": "a day ago", "7d": "a week ago"}


@dataclass(frozen=True, slots=True)
class Completion:
    """What takes the place of the unfinished term; `about` says what it asks for."""

    text: str
    about: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether the term is then finished."""
        return not self.text.endswith((":", "."))


def completions(log_id: int, term: Unfinished) -> list[Completion]:
    """What the term can become, in at most four reads; the likeliest first."""
    return list(islice(dict.fromkeys(_offers(log_id, term)), MOST))


def _offers(log_id: int, term: Unfinished) -> Iterator[Completion]:
    field = None if term.field is None else ALIASES.get(term.field, term.field)
    if field is None:
        yield from _terms(log_id, term)
    elif field in _SEEN:
        yield from _names(log_id, field, term.beginning, limit=MOST)
    elif field in ("since", "until"):
        yield from (
            Completion(f"{field}:{age}", about) for age, about in _AGES.items() if age.startswith(term.beginning)
        )
    elif field == "has":
        yield from (Completion(f"has:{name}") for name in CAN_BE_MISSING if name.startswith(term.beginning))
        if term.beginning:
            yield from (Completion(f"has:{path}") for path in _paths(log_id, term.others, term.beginning))
    elif field.startswith(tuple(Root)):
        yield from _values(log_id, term)


def _terms(log_id: int, term: Unfinished) -> Iterator[Completion]:
    beginning = term.beginning
    for name, about in ABOUT.items():
        if name.startswith(beginning.lower()) and name not in _ONLY_IN_REPLAYS:
            yield Completion(f"{name}." if name in list(Root) else f"{name}:", about)
    if beginning:
        for field in ("type", "agent", "stream"):
            yield from _names(log_id, field, beginning, limit=_FEW)
        yield from (Completion(f"{path}:") for path in _paths(log_id, term.others, term.text))


def _names(log_id: int, field: str, beginning: str, *, limit: int) -> Iterator[Completion]:
    for name in store.names_seen(log_id, _SEEN[field], prefix=beginning, limit=limit).fetch():
        yield Completion(to_text(name_term(Name(field), name)))


def _paths(log_id: int, others: str, beginning: str) -> list[str]:
    """Paths that begin so, or one of whose names does; the shortest first."""
    seen = {path_text(path): path for path, _ in _sample(log_id, others)}
    found = [
        (len(path.steps), text)
        for text, path in seen.items()
        if text.startswith(beginning)
        or any(isinstance(s, KeyStep) and s.name.startswith(beginning) for s in path.steps)
    ]
    return [text for _, text in sorted(found)]


def _values(log_id: int, term: Unfinished) -> Iterator[Completion]:
    """Terms for the values at the term's path."""
    seen = (
        to_text(equal_term(path, value))
        for path, value in _sample(log_id, term.others)
        if path_text(path) == term.field and not isinstance(value, dict | list)
    )
    yield from (Completion(text) for text in dict.fromkeys(seen) if _begins(text, term))


def _begins(text: str, term: Unfinished) -> bool:
    return text.removeprefix(f"{term.field}:").lstrip('"').startswith(term.beginning)


def _sample(log_id: int, others: str) -> Iterator[tuple[Path, Any]]:
    """Each value in the data and metadata of some events, with its path."""
    found = scan.search_events(log_id, _rest(others), limit=_SAMPLE, budget=_SAMPLE_FOR, room=_SAMPLE_BYTES).fetch()
    for event in found.events:
        for root, text in ((Root.DATA, event.data), (Root.METADATA, event.metadata)):
            if len(text) <= _MOST_JSON:
                yield from islice(_leaves(Path(root), loads(text)), _LEAVES)


def _rest(others: str) -> Query:
    """What else the query asks for, as far as that can be told while it is being written."""
    try:
        query = parse(others)
        refuse_state(query)
    except Invalid:
        return EVERYTHING
    return pin_times(query, timezone.now())


def _leaves(path: Path, value: Any) -> Iterator[tuple[Path, Any]]:
    if not isinstance(value, dict | list) or not value or len(path.steps) > _DEEP:
        if path.steps:
            yield path, value
        return
    children: Iterable[tuple[KeyStep | EachItem, Any]]
    if isinstance(value, dict):
        children = ((KeyStep(name), child) for name, child in value.items())
    else:
        children = ((EachItem.ITEM, child) for child in value[:_ITEMS])
    for step, child in children:
        yield from _leaves(Path(path.root, (*path.steps, step)), child)
