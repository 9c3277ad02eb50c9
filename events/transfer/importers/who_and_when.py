"""Who&When: failed runs of multi-agent systems, a JSON document each, with a human's verdict.

github.com/mingyin1/Agents_Failure_Attribution. A run is a stream. Message n of its `history` is
version n + 1; the last event, `run.annotated`, holds everything else: the question, the prompts,
the verdict. The runs have no clock, so `occurred_at` stays null: their order is the position.

Ids come from the question, the subset and the index, so a run is the same run from any folder.
Every value is kept as the bytes that the file has.
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
from events.transfer.importers.base import Broken, Format, Item, Source, Streamed
from events.transfer.importers.foreign import Notes, read_record, short_hash, usable_name
from events.transfer.importers.members import Fields, encoded, json_in, text, with_added

_NAMESPACE = UUID("5c0f2c3a-4d0e-5b5e-9a57-0d7c6f1f2b11")
_DELEGATED = re.compile(r"(?P<agent>.+?) \(-> (?P<target>.+)\)", re.DOTALL)
_ASIDE = re.compile(r"(?P<agent>.+?) \((?P<kind>thought|termination condition)\)", re.DOTALL)
_ASIDE_TYPES = {"thought": "orchestrator.thought", "termination condition": "run.terminated"}
_LEDGER = "Updated Ledger:"


@dataclass(frozen=True, slots=True)
class Spoken:
    """Who said a message, and what kind of message it is."""

    type: str
    agent: str
    target: str | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """A message that could be read: its event's id and version, and who said it."""

    id: str
    version: int
    agent: str


@dataclass(slots=True)
class Run:
    """One run: what all its events share, and what has been said so far."""

    subset: str
    question_id: str
    stream: str
    file: str
    kept: dict[int, Kept] = field(default_factory=dict)
    """The messages that could be read, by their index."""
    delegations: dict[str, str] = field(default_factory=dict)
    """By agent: the event of the message that last asked something of it."""

    @property
    def last(self) -> str | None:
        return next(reversed(self.kept.values())).id if self.kept else None

    def message(self, raw: tuple[int, bytes]) -> Streamed:
        """The event of `history[index]`."""
        index, record = raw
        message, notes = read_record(record)
        spoken = _spoken(message)
        beside = {"target": encoded(spoken.target) if spoken.target else None, "ledger": _ledger(message)}
        event = new_event(
            self.stream,
            spoken.type,
            data=with_added(message, beside),
            metadata=self._metadata(index, notes),
            id=self._id(index),
            agent=spoken.agent,
            correlation_id=self.question_id,
            causation_id=self.delegations.get(spoken.agent, self.last),
        )
        self.kept[index] = Kept(event.id, len(self.kept) + 1, spoken.agent)
        if spoken.target is not None:
            self.delegations[spoken.target] = event.id
        return self.stream, event

    def annotation(self, raw: bytes) -> Streamed:
        """The last event: all that the document says beside its messages, and whom the verdict points at."""
        facts, notes = read_record(raw)
        blamed = self.kept.get(_step(facts.get("mistake_step")))
        label = encoded(_label(blamed, text(facts, "mistake_agent"))) if blamed else None
        event = new_event(
            self.stream,
            "run.annotated",
            data=with_added(facts, {"label": label}),
            metadata=self._metadata("annotation", notes),
            id=self._id("annotation"),
            agent="human-annotator",
            correlation_id=self.question_id,
            causation_id=blamed.id if blamed else self.last,
        )
        return self.stream, event

    def _id(self, index: int | str) -> str:
        return str(uuid5(_NAMESPACE, f"{self.question_id}/{self.subset}/{index}"))

    def _metadata(self, index: int | str, notes: Notes) -> bytes:
        source = {"format": FORMAT.name, "subset": self.subset, "file": self.file, "index": index}
        return msgspec.json.encode({"source": source, **notes})


def read(source: Source) -> Iterator[Item]:
    try:
        facts, fault = split.split_object(source.document())
    except EventsError as error:
        yield Broken(source.at("document"), error.detail)
        return
    histories = [fact for fact in facts if fact.name == "history"]
    if len(histories) != 1:
        yield Broken(source.at("document"), fault or "There should be one history in it.")
        return
    history, history_fault = split.split_array(histories[0].value)
    run = _run(facts, histories[0].value, history, source.name)
    for index, message in enumerate(history):
        yield source.record(f"history[{index}]", run.message, (index, message))
    if history_fault or fault or (history and not run.kept):
        yield Broken(source.at("document"), history_fault or fault or "None of the run's messages could be read.")
        return
    rest = split.object_text(fact for fact in facts if fact.name != "history")
    yield source.record("annotation", run.annotation, rest)


def _run(facts: list[MemberText], history: bytes, messages: list[bytes], file: str) -> Run:
    fields = {fact.name: Raw(fact.value) for fact in facts}
    generated = "system_prompt" in fields or any(_names_speaker(message) for message in messages)
    question_id = text(fields, "question_ID") or sha256(history).hexdigest()
    stem = file.removesuffix(".json")
    number = stem if stem.isascii() and stem.isdigit() else short_hash(question_id.encode())
    prefix = f"whowhen-{'ag' if generated else 'hc'}-"
    return Run(
        subset="Algorithm-Generated" if generated else "Hand-Crafted",
        question_id=usable_name(question_id, prefix=prefix),
        stream=f"{prefix}{usable_name(number, prefix=prefix)}",
        file=file,
    )


def _names_speaker(message: bytes) -> bool:
    """Whether a message has the name that only those of Algorithm-Generated have."""
    try:
        return "name" in read_record(message)[0]
    except EventsError:
        return False


def _spoken(message: Fields) -> Spoken:
    role, content = text(message, "role"), text(message, "content")
    if name := text(message, "name"):
        return Spoken(_generated_type(name, content), name)
    if match := _DELEGATED.fullmatch(role):
        return Spoken("task.delegated", match["agent"], match["target"])
    if match := _ASIDE.fullmatch(role):
        return Spoken(_ASIDE_TYPES[match["kind"]], match["agent"])
    if not role:
        raise Invalid("The message names no speaker: neither role nor name.", field="role")
    return Spoken("user.message" if role == "human" else "agent.message", role)


def _generated_type(name: str, content: str) -> str:
    if name == "Computer_terminal":
        return "tool.result"
    # Experts close their messages with the word long before a run ends: only the bare word ends one.
    if content.strip("* \n") == "TERMINATE":
        return "run.terminated"
    return "code.proposed" if "```" in content else "agent.message"


def _ledger(message: Fields) -> Raw | None:
    """The JSON after `Updated Ledger:`, if it is JSON."""
    return json_in(text(message, "content").partition(_LEDGER)[2])


def _label(blamed: Kept, agent: str) -> dict[str, object]:
    """The step that is blamed, by version; now and then the verdict names another agent than the one who spoke."""
    agrees = blamed.agent.casefold() == agent.casefold()
    return {"version": blamed.version, "event_id": blamed.id, "agent": blamed.agent, "agrees": agrees}


def _step(raw: Raw | None) -> int:
    """`mistake_step` as an index into the history; -1 where it is none. It comes as a string."""
    digits = bytes(raw or b"").strip(b'" ')
    return int(digits) if digits.isdigit() and len(digits) < 10 else -1


FORMAT = Format(name="who-and-when", suffixes=(".json",), read=read)
