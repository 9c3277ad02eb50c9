"""A JSON value as the rows of a tree, for a template to print in one flat loop. Pure.

A value may be nested a hundred deep and hold a million items. The rows are bounded: long strings show their first
part, long containers their first items, and each says how much it leaves out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Literal, TypeAlias

from events.json.pointer import array_index, below
from events.json.value import Kind, brief, kind_of, visible

TEXT_CHARACTERS_SHOWN = 1_200
"""Characters of a long string shown at first."""
_TREE_CHARACTERS_SHOWN = 24_000
_INLINE_CHARACTERS = 100
_CHILDREN_SHOWN = 100
_ROWS_SHOWN = 1_500
_ROWS_FOR_CHANGES = 1_300
"""Rows that a tree which is sent part by part reserves for changed values."""
_SENT_ITEMS_FOLDED, _SENT_ITEMS_NEW = 12, 200
"""Most items that are sent together with their container: if it is folded, and if all of it is new."""
_OLD_CHARACTERS_SHOWN = 80
_START_CHARACTERS = 200

MarkName: TypeAlias = Literal["", "add", "chg", "del", "within"]


@dataclass(frozen=True, slots=True)
class ValueMark:
    """The kind of change at a pointer. `old` is the value before it, for `chg` and `del`."""

    name: MarkName
    old: Any = None


@dataclass(frozen=True, slots=True)
class TreeMarks:
    """Changes by pointer, and the removed keys with their values by the pointer of their object."""

    at: Mapping[str, ValueMark] = field(default_factory=dict)
    removed: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PickUrls:
    """The addresses of the page's query with a value included, and with it excluded."""

    include: str
    exclude: str


@dataclass(frozen=True, slots=True)
class LastSetter:
    """The event that last set a value, its address, and the address of the value's history.

    `position` is None if it is not known, and 0 if the value is part of the initial state.
    """

    history: str
    position: int | None = None
    url: str = ""
    type: str = ""
    agent: str | None = None


@dataclass(frozen=True, slots=True)
class RowUrls:
    """The addresses to which the rows of a tree link; an empty one is left out.

    A row's pointer is appended, except to the last two. `part`: the rows of one container; `inside`: the page with one
    container as its tree; `why`: the explanation of a value; `text`: all of a long text. `whole`: the value as JSON;
    `whole_text`: the value as JSON, for long texts.
    """

    part: str = ""
    inside: str = ""
    why: str = ""
    text: str = ""
    whole: str = ""
    whole_text: str = ""


PickOf: TypeAlias = Callable[[str], PickUrls | None]
"""Returns the addresses for the value at a pointer."""


@dataclass(frozen=True, slots=True)
class TreeRow:
    """One row of a tree.

    `shape` is `open` (a container's head), `close` (its end), `leaf`, `text` (a long string, whole or its first part)
    or `more` (`length` children that are left out, from index `first` on). `is_later`: the container's items are sent
    when it is opened. `note`: a word about the value. `end`: an addition by the page.
    """

    shape: Literal["open", "close", "leaf", "text", "more"]
    depth: int = 0
    key: str | None = None
    pointer: str = ""
    kind: Kind = "c"
    text: str = ""
    length: int = 0
    mark: MarkName = ""
    old: str = ""
    unfolded: bool = True
    pick: PickUrls | None = None
    by: LastSetter | None = None
    first: int = 0
    is_later: bool = False
    note: str = ""
    end: Any = None

    @property
    def cut(self) -> bool:
        """Whether a long string is shown only in part."""
        return self.shape == "text" and len(self.text) < self.length

    @property
    def start(self) -> str:
        """The beginning of a long string, on one line."""
        return brief(f"{' '.join(self.text[:_START_CHARACTERS].split())}…")

    @property
    def indent(self) -> int:
        """The depth, up to the deepest for which the stylesheet has a rule."""
        return min(self.depth, 12)


@dataclass(frozen=True, slots=True)
class TreePart:
    """The part of a value that is sent: at a pointer, at a depth, without the first `skip` items.

    A tree with a part is sent part by part: large containers are sent when they are opened. `is_open`: nothing is
    folded; `only_changed`: unchanged values are left out.
    """

    pointer: str = ""
    depth: int = 0
    skip: int = 0
    is_open: bool = False
    only_changed: bool = False


def tree_rows(
    value: Any,
    *,
    marks: TreeMarks | None = None,
    whole: str | None = None,
    pick: PickOf = lambda pointer: None,
    part: TreePart | None = None,
) -> list[TreeRow]:
    """Return the rows of a value.

    Args:
        marks: the changes; unchanged containers of any size are then folded.
        whole: the pointer of the one long string to show in full.
        pick: returns the addresses that a value's row links to.
        part: the value's place in a tree that is sent part by part. Unchanged long texts are then folded, and the
            items of large folded containers are left for later.
    """
    start = part or TreePart()
    return list(_Tree(marks, whole, pick, part).of(value, None, start.pointer, start.depth))


class _Tree:
    def __init__(self, marks: TreeMarks | None, whole: str | None, pick: PickOf, part: TreePart | None) -> None:
        self.marks = marks or TreeMarks()
        self.has_marks = marks is not None
        self.whole = whole
        self.pick = pick
        self.part = part
        self.is_all_open = part is not None and part.is_open
        self.rows_left = _ROWS_SHOWN
        self.characters_left = _TREE_CHARACTERS_SHOWN
        self.changed_keys: dict[str, list[str]] = defaultdict(list)
        for pointer in self.marks.at if part else ():
            parent, _, token = pointer.rpartition("/")
            self.changed_keys[parent].append(token.replace("~1", "/").replace("~0", "~"))

    def of(self, value: Any, key: str | None, pointer: str, depth: int, *, is_new: bool = False) -> Iterator[TreeRow]:
        self.rows_left -= 1
        mark = self.marks.at.get(pointer, ValueMark(""))
        if isinstance(value, dict | list) and value:
            yield from self._container(value, key, pointer, depth, mark, is_new=is_new or mark.name in ("add", "chg"))
        elif isinstance(value, str) and (len(value) > _INLINE_CHARACTERS or "\n" in value):
            text, pick = self._part(value, pointer), self.pick(pointer)
            is_folded = self.part is not None and self.has_marks and not self.is_all_open and pointer != self.whole
            unfolded = not is_folded or is_new or bool(mark.name)
            yield TreeRow(
                "text", depth, key, pointer, "s", text, len(value), mark.name, _old(mark), unfolded, pick=pick
            )
        else:
            kind, pick = kind_of(value), self.pick(pointer)
            yield TreeRow("leaf", depth, key, pointer, kind, brief(value), 0, mark.name, _old(mark), pick=pick)

    def _part(self, value: str, pointer: str) -> str:
        if pointer == self.whole:
            return value
        part = value[: max(_INLINE_CHARACTERS, min(TEXT_CHARACTERS_SHOWN, self.characters_left))]
        self.characters_left -= len(part)
        return part

    def _container(
        self, value: Any, key: str | None, pointer: str, depth: int, mark: ValueMark, *, is_new: bool
    ) -> Iterator[TreeRow]:
        inner = depth
        if key is not None:
            unfolded = not self.has_marks or self.is_all_open or is_new or bool(mark.name)
            is_later = self._is_for_later(value, is_new=is_new, unfolded=unfolded)
            row = TreeRow("open", depth, key, pointer, "c", brief(value), 0, mark.name, _old(mark), unfolded)
            yield replace(row, unfolded=unfolded and not is_later, is_later=is_later)
            inner += 1
            if is_later:
                yield TreeRow("close", depth)
                return
        yield from self._children(value, pointer, inner, is_new=is_new)
        for name, old in islice(self.marks.removed.get(pointer, {}).items(), _CHILDREN_SHOWN):
            yield TreeRow(
                "leaf", inner, visible(name), below(pointer, name), kind_of(old), _shortened_brief(old), 0, "del"
            )
        if key is not None:
            yield TreeRow("close", depth)

    def _children(self, value: Any, pointer: str, depth: int, *, is_new: bool) -> Iterator[TreeRow]:
        """Yield the rows of the first items, and of the later items that changed."""
        if self.part and self.part.only_changed and not is_new:
            for name in self._changed_after(value, pointer, 0):
                yield from self.of(value[name], visible(str(name)), below(pointer, name), depth)
            return
        skip = self.part.skip if self.part and self.part.pointer == pointer else 0
        items = value.items() if isinstance(value, dict) else enumerate(value)
        upto = skip
        for name, child in islice(items, skip, skip + _CHILDREN_SHOWN):
            if self.rows_left <= 0:
                break
            upto += 1
            yield from self.of(child, visible(str(name)), below(pointer, name), depth, is_new=is_new)
        if upto == len(value):
            return
        others = self._changed_after(value, pointer, upto)
        if len(value) > upto + len(others):
            yield TreeRow("more", depth, pointer=pointer, length=len(value) - upto - len(others), first=upto)
        for name in others:
            yield from self.of(value[name], visible(str(name)), below(pointer, name), depth, is_new=is_new)

    def _changed_after(self, value: Any, pointer: str, upto: int) -> list[Any]:
        """Return the keys of the changed items after the first `upto`."""
        names = self.changed_keys.get(pointer, [])
        keys: list[Any] = []
        if isinstance(value, list):
            places = (place for name in names if (place := array_index(name)) is not None)
            keys += (place for place in sorted(places) if upto <= place < len(value))
        elif names:
            shown_names = set(islice(value, upto))
            keys += (name for name in names if name in value and name not in shown_names)
        return keys[: min(_CHILDREN_SHOWN, max(self.rows_left, 0))]

    def _is_for_later(self, value: Any, *, is_new: bool, unfolded: bool) -> bool:
        """Whether a container that is all new, or did not change, has too many items to be sent at once."""
        is_new = is_new or not self.has_marks
        if self.part is None or self.is_all_open or (unfolded and not is_new):
            return False
        budget = _SENT_ITEMS_NEW if is_new else _SENT_ITEMS_FOLDED
        items_left, containers = budget if self.rows_left > _ROWS_FOR_CHANGES else 0, [value]
        while containers and items_left >= 0:
            container = containers.pop()
            items_left -= len(container)
            inner = container.values() if isinstance(container, dict) else container
            containers += [item for item in inner if isinstance(item, dict | list)] if items_left >= 0 else []
        return items_left < 0


def _shortened_brief(value: Any) -> str:
    text = brief(value[:_OLD_CHARACTERS_SHOWN] if isinstance(value, str) else value)
    return f'{text[:-1]}…"' if isinstance(value, str) and len(value) > _OLD_CHARACTERS_SHOWN else text


def _old(mark: ValueMark) -> str:
    return _shortened_brief(mark.old) if mark.name == "chg" else ""
