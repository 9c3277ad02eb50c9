"""Breakers for the services that an agent calls."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from types import TracebackType

from eventsite_client._core.breaking import Circuit, State
from eventsite_client.types import NewEvent


class AsyncBreaker:
    """A breaker, whose blocks are calls of a service. `AsyncClient.breaker()` describes it."""

    def __init__(
        self,
        log: Callable[[str, NewEvent], Awaitable[None]],
        circuit: Circuit,
        errors: tuple[type[Exception], ...],
    ) -> None:
        self._log = log
        self._circuit = circuit
        self._errors = errors

    @property
    def state(self) -> State:
        """`closed`: calls are let through. `open`: they are not. `half-open`: one is, as a trial."""
        return self._circuit.state

    async def __aenter__(self) -> AsyncBreaker:
        await self._note(self._circuit.begin(time.monotonic()))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        failed = None if error is not None and not isinstance(error, Exception) else isinstance(error, self._errors)
        await self._note(self._circuit.end(time.monotonic(), failed=failed))

    async def _note(self, change: NewEvent | None) -> None:
        if change is not None:
            await self._log(self._circuit.stream, change)
