# Made by twin.py from `_async`: change that.
"""Decisions: read, decide, append if nothing came between, else again."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Any, TypeVar

from eventsite_client._core.answers import all_appended
from eventsite_client._core.deciding import Basis, is_behind
from eventsite_client._core.requests import in_run
from eventsite_client._core.retrying import pause_after_conflict
from eventsite_client._sync.caller import Caller
from eventsite_client._sync.io import sleep
from eventsite_client._sync.reading import Pages
from eventsite_client.errors import Conflict
from eventsite_client.types import Appended, Event, NewEvent

T = TypeVar("T")


class Decision(Iterator["Attempt"]):
    """The rounds of a decision. `Client.decide()` describes it."""

    def __init__(self, caller: Caller, basis: Basis, rounds: int) -> None:
        self._attempt: Attempt | None = None
        if rounds < 1:
            raise ValueError(f"A decision has at least one round, not {rounds}.")
        self._caller = caller
        self._basis = basis
        self._rounds = rounds

    def __iter__(self) -> Decision:
        if self._attempt is not None:
            raise RuntimeError("A decision is made once: call `decide()` again.")
        return self

    def __next__(self) -> Attempt:
        last, number = self._attempt, 1
        if last is not None:
            if not last._has_begun:
                raise RuntimeError("An attempt is a context manager: `with attempt as …`.")
            if last._conflict is None:
                raise StopIteration
            number = last.number + 1
            sleep(pause_after_conflict(last.number))
        self._attempt = Attempt(self._caller, self._basis, number, is_last=number == self._rounds)
        return self._attempt

    def __del__(self) -> None:
        """Warn if a loop was left after a conflict: nothing can be raised there, and there is no other round."""
        conflict = self._attempt and self._attempt._conflict
        if conflict:
            reason = "was left by `break` or `return` although its events were not appended"
            warnings.warn(f"The block of a decision {reason} ({conflict}). Use `call()`.", RuntimeWarning, stacklevel=2)

    def call(self, function: Callable[[Attempt], T]) -> T:
        """Call a function with each attempt until its events are appended, and return what it returned then.

        Raises:
            Conflict: other writers were quicker in each of the rounds.
        """
        result: T
        for attempt in self:
            with attempt:
                result = function(attempt)
        return result


class Attempt:
    """One round of a decision: what was read, and the events that are appended when its block ends."""

    def __init__(self, caller: Caller, basis: Basis, number: int, *, is_last: bool) -> None:
        self._caller = caller
        self._basis = basis
        self._is_last = is_last
        self._drafts: dict[str, list[NewEvent]] = {}
        self._has_begun = False
        self._conflict: Conflict | None = None
        self.number = number
        """The number of the round, from 1 on."""
        self.events: Sequence[Event] = ()
        """All events of the stream, or of the query; none for a decision by a state."""
        self.appended: list[Appended] = []
        """The places of the events, once the block has ended: one answer for each stream."""

    @property
    def state(self) -> Any:
        """The state of the stream by the projection."""
        return self._basis.value

    @property
    def version(self) -> int:
        """The version of the stream that was read; 0 if there is none, and for a query."""
        return self._basis.version

    @property
    def read_position(self) -> int:
        """The position of the log up to which it was read."""
        return self._basis.read_position

    def append(self, *events: NewEvent, stream: str | None = None) -> None:
        """Append events when the block ends, to the stream of the decision or to another one: all, or none."""
        self._drafts.setdefault(self._basis.stream if stream is None else stream, []).extend(map(in_run, events))

    def __enter__(self) -> Attempt:
        self._has_begun = True
        basis = self._basis
        if basis.projection is not None:
            state = self._caller._call(basis.state_request())
            if state.stale is not None and is_behind(state.stale):
                state = self._caller._call(basis.state_request(state.stale.head))
            basis.take_state(state)
        elif basis.q is not None:
            log = basis.log_reading()
            basis.take_log(log, Pages(self._caller._call, log).all())
        else:
            stream = basis.stream_reading()
            basis.take_stream(stream, Pages(self._caller._call, stream).all())
        self.events = tuple(basis.events)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        drafts = {stream: events for stream, events in self._drafts.items() if events}
        if error is not None or not drafts:
            return
        try:
            answer = self._caller._call(self._basis.append_request(drafts))
        except Conflict as conflict:
            if self._is_last:
                raise
            self._conflict = conflict
        else:
            self.appended = all_appended(answer)
