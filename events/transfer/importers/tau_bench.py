"""tau-bench: an agent serves a simulated customer by calling tools, and is scored.

github.com/sierra-research/tau-bench: a document is a list of runs. A run is a stream of its messages, in their order; a
message that calls tools becomes one event for each call, after an event with its text, if it has text. The last event,
`run.scored`, holds everything else: the reward, and the expected actions. The runs have no clock, so `occurred_at`
stays null.

Ids come from the domain (which the agent's policy names), the task, the trial and the index.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID, uuid5

import msgspec
from msgspec import Raw

from events.api.decoding import decode_json
from events.appending.checks import new_event
from events.errors import EventsError, Invalid
from events.json import split
from events.json.split import MemberText
from events.transfer.importers.base import Broken, Format, Item, SourceFile, Streamed
from events.transfer.importers.foreign import Notes, read_record, short_hash, usable_name
from events.transfer.importers.members import Fields, encoded, items, json_in, members, name_in, text, with_added

_NAMESPACE = UUID("3f0d8a55-6f7e-5d0b-a1c4-52b8c7d1e9a0")
_POLICY = re.compile(r"(?P<domain>\w{1,50}) agent policy", re.IGNORECASE)


@dataclass(slots=True)
class ScoredRun:
    """One run: its names, and the messages and calls that could be read so far."""

    domain: str
    task: str
    trial: str
    last: str | None = None
    calls: dict[str, str] = field(default_factory=dict)
    """The event of the last call with an id; ids of calls come back within a run."""

    @property
    def agent(self) -> str:
        return f"{self.domain}-agent"

    def message(self, raw: tuple[int, Fields, Notes]) -> Streamed:
        """Return the event of a message by anyone but a tool."""
        index, message, notes = raw
        type, agent = {
            "system": ("system.message", "tau-bench"),
            "user": ("user.message", "user-simulator"),
            "assistant": ("assistant.message", self.agent),
        }[text(message, "role")]
        return self._next(type, index, with_added(message, {}), notes, agent=agent)

    def call(self, raw: tuple[str, Raw, Notes]) -> Streamed:
        """Return the event of one of a message's `tool_calls`, with its arguments, which come as JSON in a string."""
        place, tool_call, notes = raw
        call = decode_json(bytes(tool_call), Fields, name="record")
        function = members(call, "function")
        beside = {"name": function.get("name"), "arguments": json_in(text(function, "arguments"))}
        data = with_added({"tool_call": tool_call}, beside, first=True)
        stream, event = self._next("tool.called", place, data, notes, agent=self.agent)
        if key := text(call, "id"):
            self.calls[key] = event.id
        return stream, event

    def tool(self, raw: tuple[int, Fields, Notes]) -> Streamed:
        """Return the event of a tool's answer, with the JSON in it, or its error."""
        index, message, notes = raw
        content = text(message, "content")
        has_failed = content.startswith("Error:")
        return self._next(
            "tool.returned",
            index,
            with_added(message, {"result": json_in(content), "error": encoded(content) if has_failed else None}),
            notes,
            agent=text(message, "name") or "tool",
            caused_by=self.calls.get(text(message, "tool_call_id")),
        )

    def score(self, raw: bytes) -> Streamed:
        """Return the last event, with all facts of a run beside its messages."""
        facts, notes = read_record(raw)
        expected_actions = members(members(facts, "info"), "task").get("actions")
        data = with_added(facts, {"expected_actions": expected_actions})
        return self._next("run.scored", "score", data, notes, agent="tau-bench")

    def _next(
        self, type: str, place: int | str, data: bytes, notes: Notes, *, agent: str, caused_by: str | None = None
    ) -> Streamed:
        workflow = usable_name(f"{self.domain}-{self.task}", prefix="tau-")
        stream = "tau-" + usable_name(f"{self.domain}-{self.task}-{self.trial}", prefix="tau-")
        event = new_event(
            stream,
            type,
            data=data,
            metadata=msgspec.json.encode({"source": {"format": FORMAT.name, "index": place}, **notes}),
            id=str(uuid5(_NAMESPACE, f"{self.domain}/{self.task}/{self.trial}/{place}")),
            agent=agent,
            correlation_id=f"tau-{workflow}",
            causation_id=caused_by or self.last,
        )
        self.last = event.id
        return stream, event


def read(source: SourceFile) -> Iterator[Item]:
    try:
        runs, fault = split.split_array(source.document())
    except EventsError as error:
        yield Broken(source.at("document"), error.detail)
        return
    for index, run in enumerate(runs):
        yield from _read_run(source, f"[{index}]", run)
    if fault:
        yield Broken(source.at("document"), fault)


def _read_run(source: SourceFile, place: str, body: bytes) -> Iterator[Item]:
    facts, fault = split.split_object(body)
    transcripts = [fact for fact in facts if fact.name == "traj"]
    messages, transcript_fault = split.split_array(transcripts[0].value) if len(transcripts) == 1 else ([], None)
    if not messages:
        yield Broken(source.at(place), fault or transcript_fault or "A run must have one traj with its messages.")
        return
    run = _run(facts, messages, body)
    for index, message in enumerate(messages):
        yield from _read_message(source, f"{place}.traj[{index}]", run, index, message)
    if transcript_fault or fault or not run.last:
        yield Broken(source.at(place), transcript_fault or fault or "None of the run's messages could be read.")
        return
    rest = split.object_text(fact for fact in facts if fact.name != "traj")
    yield source.record(f"{place}.score", run.score, rest)


def _read_message(source: SourceFile, place: str, run: ScoredRun, index: int, raw: bytes) -> Iterator[Item]:
    try:
        message, notes = read_record(raw)
        by_role = {"system": run.message, "user": run.message, "assistant": run.message, "tool": run.tool}
        if (role := text(message, "role")) not in by_role:
            raise Invalid(f"The role {role!r} is not one of {', '.join(by_role)}.", field="role")
    except EventsError as error:
        yield Broken(source.at(place), error.detail)
        return
    calls = items(message, "tool_calls")
    if not calls or _says_more(message):
        yield source.record(place, by_role[role], (index, message, notes))
    before = run.last
    for number, call in enumerate(calls):
        run.last = before  # calls of one message don't cause each other
        yield source.record(f"{place}.tool_calls[{number}]", run.call, (f"{index}/{number}", call, notes))


def _says_more(message: Fields) -> bool:
    """Whether a message that calls tools has other content."""
    return any(
        bytes(raw) not in (b"null", b'""') for name, raw in message.items() if name not in ("role", "tool_calls")
    )


def _run(facts: list[MemberText], messages: list[bytes], body: bytes) -> ScoredRun:
    """Return the run of a document; a hash of it replaces a missing task or trial."""
    fields = {fact.name: Raw(fact.value) for fact in facts}
    task, trial = (name_in(fields, name) or short_hash(body) for name in ("task_id", "trial"))
    policy = None
    with suppress(EventsError):
        policy = _POLICY.search(text(read_record(messages[0])[0], "content"))
    return ScoredRun(domain=policy["domain"].lower() if policy else "task", task=task, trial=trial)


FORMAT = Format(name="tau-bench", suffixes=(".json",), read=read)
