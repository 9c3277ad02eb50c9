"""A JSON value as the rows of a tree, for a template to print in one flat loop. Pure.

A value may be nested a hundred deep and hold a million items. The rows are bounded: long strings
show their first part, long containers their first items, and each says how much it leaves out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Literal, TypeAlias

from events.json.pointer import array_index, below
from events.json.value import Kind, brief, kind_of, visible

TEXT_SHOWN = 1_200
"""Characters of a long string shown at first."""
_ALL_TEXT_SHOWN = 24_000
_TEXT_INLINE = 100
_CHILDREN_SHOWN = 100
_ROWS_SHOWN = 1_500
_KEPT = 1_300
"""Rows that are kept for what changed, of those of a tree that comes part by part."""
_TOGETHER, _TOGETHER_NEW = 12, 200
"""Items that come together with the container that they are in: where it is folded, and where it is all new."""
_OLD_SHOWN = 80
_STARTS = 200

MarkName: TypeAlias = Literal["", "add", "chg", "del", "within"]


@dataclass(frozen=True, slots=True)
class Mark:
    """What changed at a pointer. `old` is the value it had, for `chg` and `del`."""

    name: MarkName
    old: Any = None


@dataclass(frozen=True, slots=True)
class Marks:
    """Changes by pointer, and the keys that went, by the pointer of the object they stood in."""

    at: Mapping[str, Mark] = field(default_factory=dict)
    gone: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pick:
    """Addresses of what is there with a value, and of what is there without it."""

    include: str
    exclude: str


@dataclass(frozen=True, slots=True)
class By:
    """Who last set a value: the event and its address, and an address of all who did. `position` None: not
    known; 0: nobody, it stood there from the beginning."""

    history: str
    position: int | None = None
    url: str = ""
    type: str = ""
    agent: str | None = None


@dataclass(frozen=True, slots=True)
class Links:
    """Addresses that the rows of a tree lead to. A row's pointer is appended, but to the last two. A row goes without
    those that are empty.

    `part`: the rows of one container alone; `inside`: the page with only one container of the tree; `why`: why a value
    is what it is; `text`: a long text, all of it. `whole`: the value as JSON; `whole_text`: that, for long texts.
    """

    part: str = ""
    inside: str = ""
    why: str = ""
    text: str = ""
    whole: str = ""
    whole_text: str = ""


PickOf: TypeAlias = Callable[[str], Pick | None]
"""The addresses for the value at a pointer."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row. `shape` is `open` (a container's head), `close` (its end), `leaf`, `text` (a long
    string, whole or its first part) or `more` (`length` children that are left out, those from index `first` on).

    `is_later`: what is in the container comes when it is opened. `end`: what a page adds to the row.
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
    pick: Pick | None = None
    by: By | None = None
    first: int = 0
    is_later: bool = False
    end: Any = None

    @property
    def cut(self) -> bool:
        """Whether a long string is more than what is shown of it."""
        return self.shape == "text" and len(self.text) < self.length

    @property
    def start(self) -> str:
        """How a long string begins, on one line."""
        return brief(f"{' '.join(self.text[:_STARTS].split())}…")

    @property
    def indent(self) -> int:
        """The depth, as far as the stylesheet has steps for it."""
        return min(self.depth, 12)


@dataclass(frozen=True, slots=True)
class Part:
    """Where in a value a tree begins: at a pointer, so deep, behind its first items. `is_open`: nothing is folded;
    `only_changed`: nothing is shown that stayed as it was.

    A tree that has one comes part by part: of what is too large to come at once, each when it is opened.
    """

    pointer: str = ""
    depth: int = 0
    skip: int = 0
    is_open: bool = False
    only_changed: bool = False


def tree(
    value: Any,
    *,
    marks: Marks | None = None,
    whole: str | None = None,
    pick: PickOf = lambda pointer: None,
    part: Part | None = None,
) -> list[Row]:
    """The rows of a value.

    Args:
        marks: what changed; unchanged containers of any size are then folded.
        whole: the pointer of the one long string to show in full.
        pick: what a value's row links to.
        part: where the value stands in what is shown part by part. Long texts that did not change are then folded, and
            what is in large folded containers is left for later.
    """
    begin = part or Part()
    return list(_Tree(marks, whole, pick, part).of(value, None, begin.pointer, begin.depth))


class _Tree:
    def __init__(self, marks: Marks | None, whole: str | None, pick: PickOf, part: Part | None) -> None:
        self.marks = marks or Marks()
        self.has_marks = marks is not None
        self.whole = whole
        self.pick = pick
        self.part = part
        self.is_all_open = part is not None and part.is_open
        self.left = _ROWS_SHOWN
        self.text_left = _ALL_TEXT_SHOWN
        self.marked: dict[str, list[str]] = defaultdict(list)
        for pointer in self.marks.at if part else ():
            parent, _, token = pointer.rpartition("/")
            self.marked[parent].append(token.replace("~1", "/").replace("~0", "~"))

    def of(self, value: Any, key: str | None, pointer: str, depth: int, *, is_new: bool = False) -> Iterator[Row]:
        self.left -= 1
        mark = self.marks.at.get(pointer, Mark(""))
        if isinstance(value, dict | list) and value:
            yield from self._container(value, key, pointer, depth, mark, is_new=is_new or mark.name in ("add", "chg"))
        elif isinstance(value, str) and (len(value) > _TEXT_INLINE or "\n" in value):
            text, pick = self._part(value, pointer), self.pick(pointer)
            is_folded = self.part is not None and self.has_marks and not self.is_all_open and pointer != self.whole
            unfolded = not is_folded or is_new or bool(mark.name)
            yield Row("text", depth, key, pointer, "s", text, len(value), mark.name, _old(mark), unfolded, pick=pick)
        else:
            kind, pick = kind_of(value), self.pick(pointer)
            yield Row("leaf", depth, key, pointer, kind, brief(value), 0, mark.name, _old(mark), pick=pick)

    def _part(self, value: str, pointer: str) -> str:
        if pointer == self.whole:
            return value
        part = value[: max(_TEXT_INLINE, min(TEXT_SHOWN, self.text_left))]
        self.text_left -= len(part)
        return part

    def _container(
        self, value: Any, key: str | None, pointer: str, depth: int, mark: Mark, *, is_new: bool
    ) -> Iterator[Row]:
        inner = depth
        if key is not None:
            unfolded = not self.has_marks or self.is_all_open or is_new or bool(mark.name)
            is_later = self._is_for_later(value, is_new=is_new, unfolded=unfolded)
            row = Row("open", depth, key, pointer, "c", brief(value), 0, mark.name, _old(mark), unfolded)
            yield replace(row, unfolded=unfolded and not is_later, is_later=is_later)
            inner += 1
            if is_later:
                yield Row("close", depth)
                return
        yield from self._children(value, pointer, inner, is_new=is_new)
        for name, was in islice(self.marks.gone.get(pointer, {}).items(), _CHILDREN_SHOWN):
            yield Row("leaf", inner, visible(name), below(pointer, name), kind_of(was), _first(was), 0, "del")
        if key is not None:
            yield Row("close", depth)

    def _children(self, value: Any, pointer: str, depth: int, *, is_new: bool) -> Iterator[Row]:
        """The first items, and of the others those that changed."""
        if self.part and self.part.only_changed and not is_new:
            for name in self._changed_behind(value, pointer, 0):
                yield from self.of(value[name], visible(str(name)), below(pointer, name), depth)
            return
        skip = self.part.skip if self.part and self.part.pointer == pointer else 0
        items = value.items() if isinstance(value, dict) else enumerate(value)
        upto = skip
        for name, child in islice(items, skip, skip + _CHILDREN_SHOWN):
            if self.left <= 0:
                break
            upto += 1
            yield from self.of(child, visible(str(name)), below(pointer, name), depth, is_new=is_new)
        if upto == len(value):
            return
        others = self._changed_behind(value, pointer, upto)
        if len(value) > upto + len(others):
            yield Row("more", depth, pointer=pointer, length=len(value) - upto - len(others), first=upto)
        for name in others:
            yield from self.of(value[name], visible(str(name)), below(pointer, name), depth, is_new=is_new)

    def _changed_behind(self, value: Any, pointer: str, upto: int) -> list[Any]:
        """The keys of the items that changed behind the first so many."""
        names = self.marked.get(pointer, [])
        found: list[Any] = []
        if isinstance(value, list):
            places = (place for name in names if (place := array_index(name)) is not None)
            found += (place for place in sorted(places) if upto <= place < len(value))
        elif names:
            shown = set(islice(value, upto))
            found += (name for name in names if name in value and name not in shown)
        return found[: min(_CHILDREN_SHOWN, max(self.left, 0))]

    def _is_for_later(self, value: Any, *, is_new: bool, unfolded: bool) -> bool:
        """Whether what is in a container that is all new, or did not change, is too much to come at once."""
        is_new = is_new or not self.has_marks
        if self.part is None or self.is_all_open or (unfolded and not is_new):
            return False
        together = _TOGETHER_NEW if is_new else _TOGETHER
        left, containers = together if self.left > _KEPT else 0, [value]
        while containers and left >= 0:
            each = containers.pop()
            left -= len(each)
            inner = each.values() if isinstance(each, dict) else each
            containers += [item for item in inner if isinstance(item, dict | list)] if left >= 0 else []
        return left < 0


def _first(value: Any) -> str:
    text = brief(value[:_OLD_SHOWN] if isinstance(value, str) else value)
    return f'{text[:-1]}…"' if isinstance(value, str) and len(value) > _OLD_SHOWN else text


def _old(mark: Mark) -> str:
    return _first(mark.old) if mark.name == "chg" else ""
