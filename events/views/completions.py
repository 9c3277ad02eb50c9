"""The completions of an unfinished term of a query: fields, names in the log, paths and values in its data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

from django.utils import timezone

from events.errors import Invalid
from events.json.value import loads
from events.lists import reads as lists
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
from events.reading.rows import Rows

MAX_COMPLETIONS = 20
_MAX_NAMES = 5
_SAMPLE_EVENTS = 40
"""Events that fit the rest of the query, in whose data paths and values are searched."""
_SAMPLE_SECONDS = 0.1
_SAMPLE_BYTES = 4 * 2**20
_MAX_DEPTH = 8
_MAX_ITEMS = 3
_MAX_LEAVES = 200
_MAX_JSON_CHARACTERS = 100_000

_SEEN: dict[str, Callable[..., Rows[str]]] = {
    "type": partial(store.names_seen, name="type"),
    "agent": partial(store.names_seen, name="agent"),
    "tag": partial(store.names_seen, name="tag"),
    "stream": lists.stream_names,
    "correlation": lists.workflow_ids,
}
"""The read of the names in the log, by field."""
_ONLY_IN_REPLAYS = ("state", "changed")
_SYSTEM = {"true": "the server wrote it", "false": "somebody appended it"}
_AGES = {"15m": "15 minutes ago", "1h": "an hour ago", "24h": "a day ago", "7d": "a week ago"}


@dataclass(frozen=True, slots=True)
class Completion:
    """A text that replaces the unfinished term; `about` describes it."""

    text: str
    about: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether the term is finished by it."""
        return not self.text.endswith((":", "."))


def complete(log_id: int, term: Unfinished) -> list[Completion]:
    """Return the completions of a term, the likeliest first, with at most five reads."""
    return list(islice(dict.fromkeys(_offers(log_id, term)), MAX_COMPLETIONS))


def _offers(log_id: int, term: Unfinished) -> Iterator[Completion]:
    field = None if term.field is None else ALIASES.get(term.field, term.field)
    if field is None:
        yield from _terms(log_id, term)
    elif field in _SEEN:
        yield from _names(log_id, field, term.beginning, limit=MAX_COMPLETIONS)
    elif field in ("since", "until"):
        yield from (
            Completion(f"{field}:{age}", about) for age, about in _AGES.items() if age.startswith(term.beginning)
        )
    elif field == "system":
        yield from (
            Completion(f"system:{value}", about) for value, about in _SYSTEM.items() if value.startswith(term.beginning)
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
        for field in ("type", "agent", "stream", "tag"):
            yield from _names(log_id, field, beginning, limit=_MAX_NAMES)
        yield from (Completion(f"{path}:") for path in _paths(log_id, term.others, term.text))


def _names(log_id: int, field: str, beginning: str, *, limit: int) -> Iterator[Completion]:
    for name in _SEEN[field](log_id, prefix=beginning, limit=limit).fetch():
        yield Completion(to_text(name_term(Name(field), name)))


def _paths(log_id: int, others: str, beginning: str) -> list[str]:
    """Return the paths that begin with a text, or that have a name which does; the shortest first."""
    paths = {path_text(path): path for path, _ in _sample(log_id, others)}
    fitting = [
        (len(path.steps), text)
        for text, path in paths.items()
        if text.startswith(beginning)
        or any(isinstance(s, KeyStep) and s.name.startswith(beginning) for s in path.steps)
    ]
    return [text for _, text in sorted(fitting)]


def _values(log_id: int, term: Unfinished) -> Iterator[Completion]:
    """Yield the terms for the values at the term's path."""
    texts = (
        to_text(equal_term(path, value))
        for path, value in _sample(log_id, term.others)
        if path_text(path) == term.field and not isinstance(value, dict | list)
    )
    yield from (Completion(text) for text in dict.fromkeys(texts) if _begins(text, term))


def _begins(text: str, term: Unfinished) -> bool:
    return text.removeprefix(f"{term.field}:").lstrip('"').startswith(term.beginning)


def _sample(log_id: int, others: str) -> Iterator[tuple[Path, Any]]:
    """Yield the values in the data and metadata of some events, with their paths."""
    page = scan.search_events(
        log_id, _rest(others), limit=_SAMPLE_EVENTS, budget=_SAMPLE_SECONDS, room=_SAMPLE_BYTES
    ).fetch()
    for event in page.events:
        for root, text in ((Root.DATA, event.data), (Root.METADATA, event.metadata)):
            if len(text) <= _MAX_JSON_CHARACTERS:
                yield from islice(_leaves(Path(root), loads(text)), _MAX_LEAVES)


def _rest(others: str) -> Query:
    """Return the rest of the query, as far as it can be read while it is being typed."""
    try:
        query = parse(others)
        refuse_state(query)
    except Invalid:
        return EVERYTHING
    return pin_times(query, timezone.now())


def _leaves(path: Path, value: Any) -> Iterator[tuple[Path, Any]]:
    if not isinstance(value, dict | list) or not value or len(path.steps) > _MAX_DEPTH:
        if path.steps:
            yield path, value
        return
    children: Iterable[tuple[KeyStep | EachItem, Any]]
    if isinstance(value, dict):
        children = ((KeyStep(name), child) for name, child in value.items())
    else:
        children = ((EachItem.ITEM, child) for child in value[:_MAX_ITEMS])
    for step, child in children:
        yield from _leaves(Path(path.root, (*path.steps, step)), child)
