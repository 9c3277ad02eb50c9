"""Lines on their way to the server, and what becomes of them there."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import msgspec

from eventsite_client._background.counts import Counts
from eventsite_client._background.held_back import Origin, origin_of
from eventsite_client._background.spool import Spool
from eventsite_client._core import bulk
from eventsite_client._core.bulk import Bulk, LineError
from eventsite_client._core.deadline import Deadline
from eventsite_client._core.requests import Request
from eventsite_client.errors import EventsiteError, Unavailable

logger = logging.getLogger("eventsite_client")

_CALL_SECONDS = 10.0
"""The timeout of a request."""
_TOO_LARGE = 413
_MOST_DEFECTS = 12
"""The attempts after which the lines at which the server fails are searched: two minutes, or less in a hurry."""
_MOST_DEFECTIVE_LINES = 10
"""The lines that are searched at most, as the server may fail at all of them."""
_SHOWN_CHARACTERS = 200


class Channel(Protocol):
    """A sender of requests for one thread."""

    def call(self, request: Request[Bulk], deadline: Deadline) -> Bulk: ...
    def close(self) -> None: ...


class Outcome(NamedTuple):
    """The answer of the server to some lines."""

    waiting: dict[bytes, Origin]
    """Those that it refuses for now."""
    refusals: list[tuple[bytes, LineError]]
    """Those that it refuses for good."""
    sent: int
    """The number of those that it has."""


class _Names(msgspec.Struct):
    """The names of an event, which the log of this process may have. It must not have the event's data."""

    type: str = ""
    stream: str = ""
    id: str = ""


class Defects:
    """The failures of a server, one after the other, by a defect that it may show at some of the lines only."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._number = self._sent = 0

    def note(self, error: Exception | None) -> None:
        """Count an attempt that failed with an error, or succeeded."""
        if not self._number:
            self._sent = self._counts.sent
        is_defect = isinstance(error, EventsiteError) and error.code == bulk.DEFECT
        self._number = self._number + 1 if is_defect else 0

    @property
    def are_many(self) -> bool:
        """Whether it is time to set those lines aside."""
        return self._number >= _MOST_DEFECTS

    @property
    def spares_others(self) -> bool:
        """Whether the server has taken other lines since the first failure."""
        return self._counts.sent > self._sent


class Delivering:
    """The deliveries of one thread. It opens its channel with the first one."""

    def __init__(self, open_channel: Callable[[], Channel], counts: Counts, spool: Spool | None) -> None:
        self._open_channel = open_channel
        self._counts = counts
        self._spool = spool
        self._channel: Channel | None = None
        self._searches = False
        """Whether a request that fails by a defect is sent again in halves, to find the lines that are to blame."""
        self._defective_lines = 0

    def deliver(self, lines: Sequence[bytes], end: Deadline | None, defects: Defects) -> Outcome:
        """Append lines. `settle()` the outcome when they are not going to be sent again.

        If there were many `defects`, lines at which the server fails count as refused, unless it fails at all lines.

        Raises:
            EventsiteError: some of them may not be in the log.
        """
        self._searches, self._defective_lines = defects.are_many, 0
        errors = self._errors_of(lines, end) if lines else []
        spares_others = defects.spares_others or len(lines) > sum(map(bulk.is_defect, errors))
        if self._searches and spares_others:
            errors = self._confirmed(lines, errors, end)
        for error in errors:
            if bulk.passes(error) and not (self._searches and spares_others and bulk.is_defect(error)):
                raise Unavailable(error.detail, code=error.code)
        waiting = {lines[each.line - 1]: each.code for each in errors if bulk.waits(each)}
        refusals = [(lines[each.line - 1], each) for each in errors if not bulk.waits(each)]
        origins = {line: origin_of(line, code) for line, code in waiting.items()}
        return Outcome(origins, refusals, len(lines) - len(errors))

    def settle(self, outcome: Outcome) -> None:
        """Set aside the lines that are refused for good, and count all that do not wait."""
        self._set_aside(outcome.refusals)
        self._counts.add(sent=outcome.sent)

    def close(self) -> None:
        """Close the connections."""
        if self._channel is not None:
            self._channel.close()

    def _errors_of(self, lines: Sequence[bytes], end: Deadline | None) -> list[LineError]:
        """Append lines, and return the errors of those that were refused.

        Raises:
            EventsiteError: some of them may not be in the log.
        """
        self._channel = self._channel or self._open_channel()
        deadline = Deadline(_CALL_SECONDS if end is None else min(_CALL_SECONDS, end.left()))
        try:
            answer = self._channel.call(bulk.request(lines), deadline)
        except EventsiteError as error:
            if error.status != _TOO_LARGE and not self._may_be_of_lines(error, len(lines)):
                raise
            answer = Bulk(0, 0, len(lines), [LineError(1, error.code, error.detail)])
        if answer.is_complete:
            return answer.errors
        middle = len(lines) // 2  # too much was sent at once, or there were too many errors to report all
        first, second = self._errors_of(lines[:middle], end), self._errors_of(lines[middle:], end)
        return [*first, *(LineError(each.line + middle, each.code, each.detail) for each in second)]

    def _confirmed(self, lines: Sequence[bytes], errors: Sequence[LineError], end: Deadline | None) -> list[LineError]:
        """Send the lines at which the server failed once more, and return the errors that are left.

        The server may have failed at all lines when these were sent, and have taken the others after that. So a line
        that it takes now comes after them: to lose it would be worse.
        """
        defects = [each for each in errors if bulk.is_defect(each)]
        others = [each for each in errors if not bulk.is_defect(each)]
        self._defective_lines = 0
        again = self._errors_of([lines[each.line - 1] for each in defects], end) if defects else []
        return [*others, *(LineError(defects[each.line - 1].line, each.code, each.detail) for each in again)]

    def _may_be_of_lines(self, error: EventsiteError, count: int) -> bool:
        """Return whether a defect may show at some of the lines of a request only."""
        is_defect = self._searches and error.code == bulk.DEFECT
        self._defective_lines += is_defect and count == 1
        return is_defect and self._defective_lines <= _MOST_DEFECTIVE_LINES

    def _set_aside(self, refusals: Sequence[tuple[bytes, LineError]]) -> None:
        """Keep lines that are refused for good, if there is a spool, so that the others can go on."""
        if not refusals:
            return
        place = "lost"
        if self._spool is not None:
            try:
                place = f"kept in {self._spool.set_aside(refusals)}"
            except OSError:
                logger.exception("refused events can't be kept")
        self._counts.add(refused=len(refusals))
        for line, error in refusals:
            names, detail = _names_of(line), error.detail[:_SHOWN_CHARACTERS]
            text = "Eventsite refuses the event %s of type %s in the stream %s, which is %s: %s: %s"
            logger.warning(text, names.id, names.type, names.stream, place, error.code, detail)


def _names_of(line: bytes) -> _Names:
    try:
        return msgspec.json.decode(line, type=_Names)
    except msgspec.DecodeError:
        return _Names()
