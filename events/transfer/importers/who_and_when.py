"""Who&When: failed runs of multi-agent systems, a JSON document each, with a human's verdict.

github.com/mingyin1/Agents_Failure_Attribution. A run is a stream. Message n of its `history` is version n + 1; the last
event, `run.annotated`, holds everything else: the question, the prompts, the verdict. The runs have no clock, so
`occurred_at` stays null: their order is the position.

Ids come from the question, the subset and the index, so a run has the same ids from any folder. Every value is kept as
the bytes of the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from uuid import UUID, uuid5

import msgspec
from msgspec import Raw

from events.appending.checks import new_event
from events.errors import EventsError, Invalid
from events.json import split
from events.json.split import MemberText
from events.transfer.importers.base import Broken, Format, Item, SourceFile, Streamed
from events.transfer.importers.foreign import Notes, read_record, short_hash, usable_name
from events.transfer.importers.members import Fields, encoded, json_in, text, with_added

_NAMESPACE = UUID("5c0f2c3a-4d0e-5b5e-9a57-0d7c6f1f2b11")
_DELEGATED = re.compile(r"(?P<agent>.+?) \(-> (?P<target>.+)\)", re.DOTALL)
_ASIDE = re.compile(r"(?P<agent>.+?) \((?P<kind>thought|termination condition)\)", re.DOTALL)
_ASIDE_TYPES = {"thought": "orchestrator.thought", "termination condition": "run.terminated"}
_LEDGER = "Updated Ledger:"


@dataclass(frozen=True, slots=True)
class Speaker:
    """The speaker of a message, its addressee, and the type of its event."""

    type: str
    agent: str
    target: str | None = None


@dataclass(frozen=True, slots=True)
class ReadMessage:
    """A message that could be read: its event's id and version, and its speaker."""

    id: str
    version: int
    agent: str


@dataclass(slots=True)
class AnnotatedRun:
    """One run: the facts that all its events share, and its messages so far."""

    subset: str
    question_id: str
    stream: str
    file: str
    messages: dict[int, ReadMessage] = field(default_factory=dict)
    """The messages that could be read, by their index."""
    delegations: dict[str, str] = field(default_factory=dict)
    """For each agent, the event of the last message that delegated to it."""

    @property
    def last(self) -> str | None:
        return next(reversed(self.messages.values())).id if self.messages else None

    def message(self, raw: tuple[int, bytes]) -> Streamed:
        """Return the event of `history[index]`."""
        index, record = raw
        message, notes = read_record(record)
        speaker = _speaker(message)
        beside = {"target": encoded(speaker.target) if speaker.target else None, "ledger": _ledger(message)}
        event = new_event(
            self.stream,
            speaker.type,
            data=with_added(message, beside),
            metadata=self._metadata(index, notes),
            id=self._id(index),
            agent=speaker.agent,
            correlation_id=self.question_id,
            causation_id=self.delegations.get(speaker.agent, self.last),
        )
        self.messages[index] = ReadMessage(event.id, len(self.messages) + 1, speaker.agent)
        if speaker.target is not None:
            self.delegations[speaker.target] = event.id
        return self.stream, event

    def annotation(self, raw: bytes) -> Streamed:
        """Return the last event, with all facts of the document beside its messages, and the step that is blamed."""
        facts, notes = read_record(raw)
        mistake = self.messages.get(_step(facts.get("mistake_step")))
        label = encoded(_label(mistake, text(facts, "mistake_agent"))) if mistake else None
        event = new_event(
            self.stream,
            "run.annotated",
            data=with_added(facts, {"label": label}),
            metadata=self._metadata("annotation", notes),
            id=self._id("annotation"),
            agent="human-annotator",
            correlation_id=self.question_id,
            causation_id=mistake.id if mistake else self.last,
        )
        return self.stream, event

    def _id(self, index: int | str) -> str:
        return str(uuid5(_NAMESPACE, f"{self.question_id}/{self.subset}/{index}"))

    def _metadata(self, index: int | str, notes: Notes) -> bytes:
        source = {"format": FORMAT.name, "subset": self.subset, "file": self.file, "index": index}
        return msgspec.json.encode({"source": source, **notes})


def read(source: SourceFile) -> Iterator[Item]:
    try:
        facts, fault = split.split_object(source.document())
    except EventsError as error:
        yield Broken(source.at("document"), error.detail)
        return
    histories = [fact for fact in facts if fact.name == "history"]
    if len(histories) != 1:
        yield Broken(source.at("document"), fault or "A run must have one history.")
        return
    history, history_fault = split.split_array(histories[0].value)
    run = _run(facts, histories[0].value, history, source.name)
    for index, message in enumerate(history):
        yield source.record(f"history[{index}]", run.message, (index, message))
    if history_fault or fault or (history and not run.messages):
        yield Broken(source.at("document"), history_fault or fault or "None of the run's messages could be read.")
        return
    rest = split.object_text(fact for fact in facts if fact.name != "history")
    yield source.record("annotation", run.annotation, rest)


def _run(facts: list[MemberText], history: bytes, messages: list[bytes], file: str) -> AnnotatedRun:
    fields = {fact.name: Raw(fact.value) for fact in facts}
    is_generated = "system_prompt" in fields or any(_names_speaker(message) for message in messages)
    question_id = text(fields, "question_ID") or sha256(history).hexdigest()
    stem = file.removesuffix(".json")
    number = stem if stem.isascii() and stem.isdigit() else short_hash(question_id.encode())
    prefix = f"whowhen-{'ag' if is_generated else 'hc'}-"
    return AnnotatedRun(
        subset="Algorithm-Generated" if is_generated else "Hand-Crafted",
        question_id=usable_name(question_id, prefix=prefix),
        stream=f"{prefix}{usable_name(number, prefix=prefix)}",
        file=file,
    )


def _names_speaker(message: bytes) -> bool:
    """Whether a message has a name, which only messages of Algorithm-Generated have."""
    try:
        return "name" in read_record(message)[0]
    except EventsError:
        return False


def _speaker(message: Fields) -> Speaker:
    role, content = text(message, "role"), text(message, "content")
    if name := text(message, "name"):
        return Speaker(_generated_type(name, content), name)
    if match := _DELEGATED.fullmatch(role):
        return Speaker("task.delegated", match["agent"], match["target"])
    if match := _ASIDE.fullmatch(role):
        return Speaker(_ASIDE_TYPES[match["kind"]], match["agent"])
    if not role:
        raise Invalid("The message names no speaker: it has neither role nor name.", field="role")
    return Speaker("user.message" if role == "human" else "agent.message", role)


def _generated_type(name: str, content: str) -> str:
    if name == "Computer_terminal":
        return "tool.result"
    # Experts close their messages with the word long before a run ends: only the bare word ends one.
    if content.strip("* \n") == "TERMINATE":
        return "run.terminated"
    return "code.proposed" if "```" in content else "agent.message"


def _ledger(message: Fields) -> Raw | None:
    """Return the JSON after `Updated Ledger:`, if it is JSON."""
    return json_in(text(message, "content").partition(_LEDGER)[2])


def _label(mistake: ReadMessage, agent: str) -> dict[str, object]:
    """Return the step that is blamed, by version; sometimes the verdict names an agent who is not its speaker."""
    agrees = mistake.agent.casefold() == agent.casefold()
    return {"version": mistake.version, "event_id": mistake.id, "agent": mistake.agent, "agrees": agrees}


def _step(raw: Raw | None) -> int:
    """Return `mistake_step`, which comes as a string, as an index into the history; -1 if it is not one."""
    digits = bytes(raw or b"").strip(b'" ')
    return int(digits) if digits.isdigit() and len(digits) < 10 else -1


FORMAT = Format(name="who-and-when", suffixes=(".json",), read=read)
