"""The causes of a run's events, while the run goes on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from eventsite_client.adapters._data import Data, now


class Scope:
    """The events so far within a run, the call of an agent, or a branch of a graph.

    `base` are the events that led to it, the last one first of all.
    """

    def __init__(self, key: str, agent: str | None, base: Sequence[str], parent: Scope | None = None) -> None:
        self.key = key
        self.agent = agent
        self.base = base
        self.parent = parent
        self.last: str | None = None
        self.output: Any = None
        self.error: Data | None = None
        """The failure after which nothing went well."""
        self.began = now()
        self.is_handed = False
        """Whether a call or a hand-off led to it, so that nothing of its parent follows its end."""
        self.waits = False
        """Whether it stopped for somebody's answer."""
        self.seen: set[int] = set()
        """The messages that its models were given."""
        self._reply: str | None = None
        self._returned: list[str] = []
        self._taken: list[str] = []
        self._stage: Any = None

    def parents(self) -> Iterator[Scope]:
        scope = self.parent
        while scope is not None:
            yield scope
            scope = scope.parent

    def follow(self, stage: Any = None) -> Sequence[str]:
        """Return the events that lead to the next one: the results that nothing has followed yet, else the last reply.

        What begins side by side has the same causes; `stage` says which do, where the framework says it.
        """
        if self._returned and (stage is None or stage != self._stage):
            self._taken, self._returned = self._returned, []
        self._stage = stage
        return self._taken or ([self._reply] if self._reply else self.base)

    def replied(self, id: str) -> None:
        self._reply, self._taken = id, []

    def returned(self, id: str) -> None:
        self._returned.append(id)
