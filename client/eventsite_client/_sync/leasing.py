# Made by twin.py from `_async`: change that.
"""Leases: one holder at a time, who keeps renewing."""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from types import TracebackType

from eventsite_client._core.deadline import GIVE_BACK_SECONDS, Deadline
from eventsite_client._core.leasing import Wish
from eventsite_client._core.requests import Request
from eventsite_client._sync.caller import Caller
from eventsite_client._sync.io import Repeating, shielded, sleep
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
        self._has_lost = False
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
        return self._has_lost or time.monotonic() >= self._until

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
                lease = self._caller._call(request)
                break
            except LeaseHeld:
                if not deadline.left():
                    raise
            except BaseException as error:
                if not isinstance(error, Exception):
                    shielded(self._give_up, request)
                raise
            sleep(min(_ASK_SECONDS, deadline.left()))
        self._held, self._has_lost, self._until = lease, False, now + self._wish.ttl
        self._keeping = Repeating(self._wish.ttl / 3, self._renew)
        return self

    def _give_up(self, request: Request[HeldLease]) -> None:
        """Give the lease back that the server may have granted when nobody waited for it any more."""
        deadline = Deadline(GIVE_BACK_SECONDS)
        with suppress(EventsiteError):
            self._release(self._caller._call(request, deadline), deadline)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        seconds = self._wish.ttl if error is None or isinstance(error, Exception) else GIVE_BACK_SECONDS
        was_lost = shielded(self._end, seconds)
        if was_lost and error is None:
            raise LeaseLost(f"{self.held.lease} was lost before its block had ended.")

    def _end(self, seconds: float) -> bool:
        """Give the lease back, within some seconds and the client's timeout. Return whether it was lost before."""
        deadline = Deadline(min(seconds, self._caller._timeout))
        self._keeping.stop()
        was_lost = self.is_lost
        self._release(self.held, deadline)
        return was_lost

    def _release(self, lease: HeldLease, deadline: Deadline) -> None:
        try:
            self._caller._call(self._wish.release_request(lease), deadline)
        except EventsiteError as error:  # it runs out by itself
            logger.warning("%s could not be released: %s", lease.lease, error)

    def _renew(self) -> bool:
        """Renew the lease. Return whether to do so again."""
        now = time.monotonic()
        deadline = Deadline(min(self._wish.ttl / 3, self._caller._timeout))
        try:
            self._caller._call(self._wish.renew_request(self.held), deadline)
            self._until = now + self._wish.ttl
        except LeaseLost:
            self._has_lost = True
        except EventsiteError as error:
            logger.warning("%s could not be renewed: %s", self.held.lease, error)
        return not self._has_lost
