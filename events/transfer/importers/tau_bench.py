"""tau-bench: an agent serves a simulated customer by calling tools, and is scored.

github.com/sierra-research/tau-bench: a document is a list of runs. A run is a stream of its
messages, in their order; a message that calls tools becomes one event a call, after what it says,
if it says anything. The last event, `run.scored`, holds everything else: the reward, and what should
have happened. The runs have no clock, so `occurred_at` stays null.

Ids come from the domain (which the agent's policy names), the task, the trial and the index.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID, uuid5

import msgspec
from msgspec import Raw

from events.api.schemas import decode
from events.appending.checks import new_event
from events.errors import EventsError, Invalid
from events.transfer.importers.base import Broken, Format, Item, Source, Streamed
from events.transfer.importers.members import Fields, encoded, integer, items, json_in, members, text, with_added

_NAMESPACE = UUID("3f0d8a55-6f7e-5d0b-a1c4-52b8c7d1e9a0")
_POLICY = re.compile(r"(?P<domain>\w+) agent policy", re.IGNORECASE)


@dataclass(slots=True)
class Run:
    """One run: which it is, and what has happened in it so far."""

    domain: str
    task: int
    trial: int
    last: str | None = None
    calls: dict[str, str] = field(default_factory=dict)
    """By the call's own id, which comes back within a run: the event of the last such call."""

    @property
    def agent(self) -> str:
        return f"{self.domain}-agent"

    def system(self, raw: tuple[int, Fields]) -> Streamed:
        return self._next("system.message", raw[0], with_added(raw[1]), agent="tau-bench")

    def user(self, raw: tuple[int, Fields]) -> Streamed:
        return self._next("user.message", raw[0], with_added(raw[1]), agent="user-simulator")

    def assistant(self, raw: tuple[int, Fields]) -> Streamed:
        return self._next("assistant.message", raw[0], with_added(raw[1]), agent=self.agent)

    def call(self, raw: tuple[str, Raw]) -> Streamed:
        """One of a message's `tool_calls`, beside it its arguments: they come as JSON in a string."""
        place, tool_call = raw
        call = decode(bytes(tool_call), Fields)
        function = members(call, "function")
        if key := text(call, "id"):
            self.calls[key] = self._id(place)
        data = {"name": function.get("name"), "arguments": json_in(text(function, "arguments"))}
        return self._next("tool.called", place, with_added({}, **data, tool_call=tool_call), agent=self.agent)

    def tool(self, raw: tuple[int, Fields]) -> Streamed:
        """What a tool returned, beside it the JSON in it, or that it failed."""
        index, message = raw
        content = text(message, "content")
        failed = content.startswith("Error:")
        return self._next(
            "tool.returned",
            index,
            with_added(message, result=json_in(content), error=encoded(content) if failed else None),
            agent=text(message, "name") or "tool",
            caused_by=self.calls.get(text(message, "tool_call_id")),
        )

    def score(self, facts: Fields) -> Streamed:
        """The last event: all that a run says beside its messages."""
        expected = members(members(facts, "info"), "task").get("actions")
        return self._next("run.scored", "score", with_added(facts, expected_actions=expected), agent="tau-bench")

    def _id(self, place: int | str) -> str:
        return str(uuid5(_NAMESPACE, f"{self.domain}/{self.task}/{self.trial}/{place}"))

    def _next(self, type: str, place: int | str, data: bytes, *, agent: str, caused_by: str | None = None) -> Streamed:
        before, self.last = self.last, self._id(place)
        workflow = f"tau-{self.domain}-{self.task}"
        stream = f"{workflow}-{self.trial}"
        event = new_event(
            stream,
            type,
            data=data,
            metadata=msgspec.json.encode({"source": {"format": FORMAT.name, "index": place}}),
            id=self.last,
            agent=agent,
            correlation_id=workflow,
            causation_id=caused_by or before,
        )
        return stream, event


def read(source: Source) -> Iterator[Item]:
    try:
        runs = decode(source.document(), list[Raw])
    except EventsError as error:
        yield Broken(source.at("document"), error.detail)
        return
    for index, raw in enumerate(runs):
        yield from _read_run(source, f"[{index}]", bytes(raw))


def _read_run(source: Source, place: str, body: bytes) -> Iterator[Item]:
    try:
        facts = decode(body, Fields)
        messages = [decode(bytes(raw), Fields) for raw in items(facts, "traj")]
        run = _run(facts, messages)
    except EventsError as error:
        yield Broken(source.at(place), error.detail)
        return
    for index, message in enumerate(messages):
        yield from _read_message(source, f"{place}.traj[{index}]", run, index, message)
    yield source.record(f"{place}.score", run.score, {name: raw for name, raw in facts.items() if name != "traj"})


def _read_message(source: Source, place: str, run: Run, index: int, message: Fields) -> Iterator[Item]:
    calls = items(message, "tool_calls")
    by_role = {"system": run.system, "user": run.user, "assistant": run.assistant, "tool": run.tool}
    role = text(message, "role")
    if role not in by_role:
        yield Broken(source.at(place), f"The role {role!r} is none of {', '.join(by_role)}.")
    elif not calls or _says_more(message):
        yield source.record(place, by_role[role], (index, message))
    asked = run.last
    for number, call in enumerate(calls):
        run.last = asked  # calls of one message don't cause each other
        yield source.record(f"{place}.tool_calls[{number}]", run.call, (f"{index}/{number}", call))


def _says_more(message: Fields) -> bool:
    """Whether a message that calls tools says anything else."""
    return any(
        bytes(raw) not in (b"null", b'""') for name, raw in message.items() if name not in ("role", "tool_calls")
    )


def _run(facts: Fields, messages: list[Fields]) -> Run:
    task, trial = integer(facts, "task_id"), integer(facts, "trial")
    if task is None or trial is None or not messages:
        raise Invalid("A run needs a task_id, a trial and a traj.", field="traj")
    policy = _POLICY.search(text(messages[0], "content"))
    return Run(domain=policy["domain"].lower() if policy else "task", task=task, trial=trial)


FORMAT = Format(name="tau-bench", suffixes=(".json",), read=read)
