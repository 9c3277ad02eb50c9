"""Lines on their way to the server, and what becomes of them there."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Protocol

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
_SHOWN_CHARACTERS = 200


class Channel(Protocol):
    """A sender of requests for one thread."""

    def call(self, request: Request[Bulk], deadline: Deadline) -> Bulk: ...
    def close(self) -> None: ...


class _Names(msgspec.Struct):
    """The names of an event, which the log of this process may have. It must not have the event's data."""

    type: str = ""
    stream: str = ""
    id: str = ""


class Delivering:
    """The deliveries of one thread. It opens its channel with the first one."""

    def __init__(self, open_channel: Callable[[], Channel], counts: Counts, spool: Spool | None) -> None:
        self._open_channel = open_channel
        self._counts = counts
        self._spool = spool
        self._channel: Channel | None = None

    def deliver(self, lines: Sequence[bytes], end: Deadline | None) -> dict[bytes, Origin]:
        """Append lines, and set aside those that are refused for good. Return those that are refused for now.

        Raises:
            EventsiteError: some of them may not be in the log.
        """
        errors = self._errors_of(lines, end) if lines else []
        for error in errors:
            if bulk.passes(error):
                raise Unavailable(error.detail, code=error.code)
        waiting = {lines[each.line - 1]: each.code for each in errors if bulk.waits(each)}
        refused = [(lines[each.line - 1], each) for each in errors if not bulk.waits(each)]
        self._set_aside(refused)
        self._counts.add(sent=len(lines) - len(errors))
        return {line: origin_of(line, code) for line, code in waiting.items()}

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
            if error.status != _TOO_LARGE:
                raise
            answer = Bulk(0, 0, len(lines), [LineError(1, error.code, error.detail)])
        if answer.is_complete:
            return answer.errors
        middle = len(lines) // 2  # too much was sent at once, or there were too many errors to report all
        first, second = self._errors_of(lines[:middle], end), self._errors_of(lines[middle:], end)
        return [*first, *(LineError(each.line + middle, each.code, each.detail) for each in second)]

    def _set_aside(self, refused: Sequence[tuple[bytes, LineError]]) -> None:
        """Keep lines that are refused for good, if there is a spool, so that the others can go on."""
        if not refused:
            return
        place = "lost"
        if self._spool is not None:
            try:
                place = f"kept in {self._spool.set_aside(refused)}"
            except OSError:
                logger.exception("refused events can't be kept")
        self._counts.add(refused=len(refused))
        for line, error in refused:
            names, detail = _names_of(line), error.detail[:_SHOWN_CHARACTERS]
            text = "Eventsite refuses the event %s of type %s in the stream %s, which is %s: %s: %s"
            logger.warning(text, names.id, names.type, names.stream, place, error.code, detail)


def _names_of(line: bytes) -> _Names:
    try:
        return msgspec.json.decode(line, type=_Names)
    except msgspec.DecodeError:
        return _Names()
