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

from events.api.schemas import decode
from events.appending.checks import new_event
from events.errors import EventsError, Invalid
from events.transfer.importers.base import Broken, Format, Item, Source, Streamed
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


@dataclass(slots=True)
class Run:
    """One run: what all its events share, and what has been said so far."""

    subset: str
    question_id: str
    stream: str
    file: str
    speakers: list[str | None] = field(default_factory=list)
    delegations: dict[str, int] = field(default_factory=dict)
    """By agent: the index of the message that last asked something of it."""

    def id(self, index: int | str) -> str:
        return str(uuid5(_NAMESPACE, f"{self.question_id}/{self.subset}/{index}"))

    def message(self, raw: tuple[int, Fields]) -> Streamed:
        """The event of `history[index]`."""
        index, message = raw
        self.speakers.append(None)
        spoken = _spoken(message)
        cause = self.delegations.get(spoken.agent, index - 1)
        if spoken.target is not None:
            self.delegations[spoken.target] = index
        self.speakers[index] = spoken.agent
        event = new_event(
            self.stream,
            spoken.type,
            data=with_added(message, target=encoded(spoken.target) if spoken.target else None, ledger=_ledger(message)),
            metadata=self._metadata(index),
            id=self.id(index),
            agent=spoken.agent,
            correlation_id=self.question_id,
            causation_id=self.id(cause) if cause >= 0 else None,
        )
        return self.stream, event

    def annotation(self, document: Fields) -> Streamed:
        """The last event: all that the document says beside its messages, and whom the verdict points at."""
        facts = {key: value for key, value in document.items() if key != "history"}
        step = _step(facts.get("mistake_step"), len(self.speakers))
        event = new_event(
            self.stream,
            "run.annotated",
            data=with_added(facts, label=None if step is None else self._label(step, text(facts, "mistake_agent"))),
            metadata=self._metadata("annotation"),
            id=self.id("annotation"),
            agent="human-annotator",
            correlation_id=self.question_id,
            causation_id=self.id(len(self.speakers) - 1 if step is None else step) if self.speakers else None,
        )
        return self.stream, event

    def _label(self, step: int, blamed: str) -> Raw:
        """The step that is blamed, by version; now and then the verdict names another agent than the one who spoke."""
        spoke = self.speakers[step]
        agrees = spoke is not None and spoke.casefold() == blamed.casefold()
        return encoded({"version": step + 1, "event_id": self.id(step), "agent": spoke, "agrees": agrees})

    def _metadata(self, index: int | str) -> bytes:
        source = {"format": FORMAT.name, "subset": self.subset, "file": self.file, "index": index}
        return msgspec.json.encode({"source": source})


def read(source: Source) -> Iterator[Item]:
    try:
        document = decode(source.document(), Fields)
        history = _history(document)
    except EventsError as error:
        yield Broken(source.at("document"), error.detail)
        return
    run = _run(document, history, source.name)
    for index, message in enumerate(history):
        yield source.record(f"history[{index}]", run.message, (index, message))
    yield source.record("annotation", run.annotation, document)


def _history(document: Fields) -> list[Fields]:
    if "history" not in document:
        raise Invalid("There is no history in it.", field="history")
    return decode(bytes(document["history"]), list[Fields])


def _run(document: Fields, history: list[Fields], file: str) -> Run:
    generated = "system_prompt" in document or any("name" in message for message in history)
    question_id = text(document, "question_ID") or sha256(bytes(document["history"])).hexdigest()
    stem = file.removesuffix(".json")
    number = stem if stem.isascii() and stem.isdigit() else sha256(question_id.encode()).hexdigest()[:12]
    return Run(
        subset="Algorithm-Generated" if generated else "Hand-Crafted",
        question_id=question_id,
        stream=f"whowhen-{'ag' if generated else 'hc'}-{number}",
        file=file,
    )


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


def _step(raw: Raw | None, messages: int) -> int | None:
    """`mistake_step` as an index into the history, if it is one. It comes as a string."""
    digits = bytes(raw or b"").strip(b'" ')
    return int(digits) if digits.isdigit() and len(digits) < 10 and int(digits) < messages else None


FORMAT = Format(name="who-and-when", suffixes=(".json",), read=read)
