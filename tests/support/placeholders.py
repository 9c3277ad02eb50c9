"""Requests that repeat what an earlier answer said: in their bodies `…` stands for the last value of that member."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

PLACEHOLDER = "…"


@dataclass
class Answers:
    """The members of the answers so far: the last value of each name."""

    members: dict[str, Any] = field(default_factory=dict)

    def note(self, answer: Any) -> None:
        if isinstance(answer, list):
            for each in answer:
                self.note(each)
        elif isinstance(answer, dict):
            for name, value in answer.items():
                self.members[name] = value
                self.note(value)

    def complete(self, body: Any) -> Any:
        """Return a body with what its placeholders stand for."""
        if isinstance(body, list):
            return [self.complete(each) for each in body]
        if isinstance(body, dict):
            return {
                name: self.members[name] if value == PLACEHOLDER else self.complete(value)
                for name, value in body.items()
            }
        return body
