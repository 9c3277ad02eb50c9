# Made by twin.py from `_async`: change that.
"""Leases: one holder at a time, who keeps renewing."""

from __future__ import annotations

import logging
import time
from types import TracebackType

from eventsite_client._core.deadline import Deadline
from eventsite_client._core.leasing import Wish
from eventsite_client._sync.caller import Caller
from eventsite_client._sync.io import Repeating, sleep
from eventsite_client.errors import EventsiteError, LeaseHeld, LeaseLost
from eventsite_client.types import HeldLease

logger = logging.getLogger("eventsite_client")

_ASK_SECONDS = 1.0


class Lease:
    """A lease for as long as a block lasts. `Client.lease()` describes it."""

    def __init__(self, caller: Caller, wish: Wish, wait: float) -> None:
        self._caller = caller
        self._wish = wish
        self._wait = wait
        self._held: HeldLease | None = None
        self._was_told = False
        self._until = 0.0

    @property
    def held(self) -> HeldLease:
        """The name and the token of the lease, such as another process needs them.

        Raises:
            RuntimeError: the block has not begun.
        """
        if self._held is None:
            raise RuntimeError("A lease is a context manager: `with client.lease(…) as lease`.")
        return self._held

    @property
    def is_lost(self) -> bool:
        """Whether another holder may have it by now. An append that carries it is refused then."""
        return self._was_told or time.monotonic() >= self._until

    def check(self) -> None:
        """Check that the lease is not lost, before a step that no append guards.

        Raises:
            LeaseLost: it is lost.
        """
        if self.is_lost:
            raise LeaseLost(f"{self.held.lease} was not renewed in time, or was ended.")

    def __enter__(self) -> Lease:
        deadline = Deadline(self._wait)
        request = self._wish.acquire_request()
        while True:
            now = time.monotonic()
            try:
                held = self._caller._call(request)
                break
            except LeaseHeld:
                if not deadline.left():
                    raise
            sleep(min(_ASK_SECONDS, deadline.left()))
        self._held, self._was_told, self._until = held, False, now + self._wish.ttl
        self._keeping = Repeating(self._wish.ttl / 3, self._renew)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._keeping.stop()
        was_lost = self.is_lost
        try:
            self._caller.with_timeout(self._wish.ttl)._call(self._wish.release_request(self.held))
        except EventsiteError as failure:  # it runs out by itself
            logger.warning("%s could not be released: %s", self.held.lease, failure)
        if was_lost and error is None:
            raise LeaseLost(f"{self.held.lease} was lost before its block had ended.")

    def _renew(self) -> bool:
        """Renew the lease. Return whether to do so again."""
        now = time.monotonic()
        try:
            self._caller.with_timeout(self._wish.ttl / 3)._call(self._wish.renew_request(self.held))
            self._until = now + self._wish.ttl
        except LeaseLost:
            self._was_told = True
        except EventsiteError as error:
            logger.warning("%s could not be renewed: %s", self.held.lease, error)
        return not self._was_told
