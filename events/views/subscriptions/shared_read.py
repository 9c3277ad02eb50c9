"""Reads that open pages repeat every two seconds: those within a second share one result, whoever asks."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from math import inf
from threading import Lock
from time import monotonic
from typing import Generic, TypeVar

T = TypeVar("T")

SECONDS = 1.0
_MAX_RESULTS = 256


@dataclass(slots=True, eq=False)
class _Result(Generic[T]):
    lock: Lock = field(default_factory=Lock)
    read_at: float = -inf
    value: T | None = None


class SharedRead(Generic[T]):
    """The results of a read in this process, by key."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._results: OrderedDict[Hashable, _Result[T]] = OrderedDict()

    def get(self, key: Hashable, read: Callable[[], T], *, is_new: bool = False) -> T:
        """Return the result for a key, at most a second old; with `is_new`, read now.

        Who asks while another reads waits for its result.
        """
        with self._lock:
            result = self._results.setdefault(key, _Result())
            self._results.move_to_end(key)
            if len(self._results) > _MAX_RESULTS:
                self._results.popitem(last=False)
        with result.lock:
            if is_new or result.value is None or monotonic() - result.read_at >= SECONDS:
                result.value = read()
                result.read_at = monotonic()
            return result.value
