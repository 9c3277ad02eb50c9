"""The library that folding is compared with: an aggregate of `eventsourcing`, in the run's Postgres."""

from __future__ import annotations

import os
import secrets
from typing import Any
from uuid import UUID

import orjson
import psycopg
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from psycopg.conninfo import conninfo_to_dict

from tests.benchmarks import payloads

_SAVED = 500
"""Events a save. To save 10,000 at once takes minutes."""


class Task(Aggregate):
    """The state that `tools` of `folding.py` folds, in the declarative style of the library."""

    def __init__(self) -> None:
        self.state: dict[str, Any] = {}

    @event("ToolCalled")
    def called(
        self, task: str, agent: str, tool: str, args: dict[str, Any], tokens: dict[str, int], ok: bool, note: str
    ) -> None:
        calls, spent = self.state.get(tool, (0, 0))
        self.state["task"] = task
        self.state[tool] = [calls + 1, spent + tokens["in"] + tokens["out"]]


class Aggregates:
    """An application of the library, with its tables in a schema of its own."""

    def __init__(self) -> None:
        conninfo = os.environ["DATABASE_URL"]
        schema = f"peer_{secrets.token_hex(6)}"
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute(f'create schema "{schema}"')
        parts = {name: str(value) for name, value in conninfo_to_dict(conninfo).items()}
        self._application = Application[UUID](
            {
                "PERSISTENCE_MODULE": "eventsourcing.postgres",
                "POSTGRES_DBNAME": parts["dbname"],
                "POSTGRES_HOST": parts["host"],
                "POSTGRES_PORT": parts.get("port", "5432"),
                "POSTGRES_USER": parts["user"],
                "POSTGRES_PASSWORD": "",
                "POSTGRES_SCHEMA": schema,
                "IS_SNAPSHOTTING_ENABLED": "y",
            }
        )

    def make(self, events: int) -> UUID:
        """An aggregate with this number of calls, and the event that created it."""
        task = Task()
        self._application.save(task)
        self.go_on(task.id, 0, events)
        return task.id

    def go_on(self, id: UUID, first: int, events: int) -> None:
        """More calls, with the payloads from one number on."""
        task: Task = self._application.repository.get(id)
        for number in range(first, first + events):
            task.called(**orjson.loads(payloads.data(number)))
            if number % _SAVED == 0:
                self._application.save(task)
        self._application.save(task)

    def get(self, id: UUID) -> dict[str, Any]:
        """The state of the aggregate, read from Postgres."""
        task: Task = self._application.repository.get(id)
        return task.state

    def take_snapshot(self, id: UUID) -> None:
        self._application.take_snapshot(id)

    def close(self) -> None:
        self._application.close()
