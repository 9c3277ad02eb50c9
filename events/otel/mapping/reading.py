"""The content of a span, whatever convention it follows. Pure."""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias

from msgspec import Struct

Message: TypeAlias = dict[str, Any]
"""`role` and, if it has them, `content`, `reasoning`, `tool_calls` (of `id`, `name`, `arguments`), `call_id`, `name`,
`attachments`."""
AnyRole: TypeAlias = Literal[
    "workflow", "agent", "model", "tool", "handoff", "retrieval", "embedding", "reranking", "guardrail", "evaluation",
    "step", "setup", "carrier", "other",
]  # fmt: skip
"""One of the texts of `Role`."""


class Role:
    """The parts that a span can play in a run.

    They are plain texts: a run asks for them hundreds of times, and those of an `Enum` take four times as long to get.
    """

    WORKFLOW: Final = "workflow"
    AGENT: Final = "agent"
    MODEL: Final = "model"
    TOOL: Final = "tool"
    HANDOFF: Final = "handoff"
    RETRIEVAL: Final = "retrieval"
    EMBEDDING: Final = "embedding"
    RERANKING: Final = "reranking"
    GUARDRAIL: Final = "guardrail"
    EVALUATION: Final = "evaluation"
    STEP: Final = "step"
    """a part of the way, such as a node of a graph: it makes no event unless it fails"""
    SETUP: Final = "setup"
    """the building of an agent or a workflow: it makes no event unless it fails"""
    CARRIER: Final = "carrier"
    """a step that is never the root of a run: a runtime's message, or a wrapper of what another span tells"""
    OTHER: Final = "other"
    """a span of no convention that is known here"""


WORK = frozenset({Role.RETRIEVAL, Role.EMBEDDING, Role.RERANKING, Role.GUARDRAIL, Role.EVALUATION})
"""The work of an agent besides asking models and calling tools: one event, when it has ended."""
SILENT = frozenset({Role.STEP, Role.SETUP, Role.CARRIER})
"""The roles of spans that make no event unless they fail."""
PASSED = SILENT | {Role.OTHER}
"""The roles of spans that stand between an event and its cause without being either."""


class Reading(Struct):
    """The content of a span. A field is None where the span says nothing."""

    role: AnyRole
    name: str | None = None
    """of the workflow, agent, tool or step"""
    agent: str | None = None
    """the agent that did it, if the span names one"""
    conversation: str | None = None
    task: Any = None
    output: Any = None
    messages: list[Message] | None = None
    """what a model was given, or an agent began with: the whole history"""
    reply: Message | None = None
    model: str | None = None
    provider: str | None = None
    response_id: str | None = None
    finish_reason: str | None = None
    usage: dict[str, int | float] | None = None
    """tokens (`input_tokens`, `output_tokens`, …) and `cost` in US dollars"""
    arguments: Any = None
    result: Any = None
    call_id: str | None = None
    target: str | None = None
    """the agent that a hand-off leads to"""
    error: str | None = None
    """the reason of a failure that the span's status does not tell"""

    def fill(self, other: Reading) -> None:
        """Take from another reading what this one does not say."""
        for field in _FILLED:
            if getattr(self, field) is None and (value := getattr(other, field)) is not None:
                setattr(self, field, value)


_FILLED = tuple(field for field in Reading.__struct_fields__ if field != "role")
