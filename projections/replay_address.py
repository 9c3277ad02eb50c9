"""Where a step of a replay is looked at: `/logs/<log>/replay/<kind>/<name>/<step>?by=…`.

A step is named by its place in the source: in a stream the version, else the position of its event in the log.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import urlencode

from django.urls import reverse

from events.converters import names_string, workflow_url
from projections.sources import Source


@dataclass(frozen=True)
class Address:
    """A replay's address; `asked` are the parameters that its steps share."""

    log_name: str
    source: Source
    asked: Mapping[str, str] = field(default_factory=dict)

    def step(self, place: int, **changed: str | None) -> str:
        """The address of a step; None takes a parameter away."""
        return f"{self.prefix}{place}{self.with_asked(**changed)}"

    @cached_property
    def prefix(self) -> str:
        """All of it up to the step."""
        args: list[str | int] = [self.log_name, self.source.kind]
        if self._in_path:
            return reverse("replay-of", args=[*args, self.source.name, 0]).removesuffix("0")
        return reverse("replay", args=[*args, 0]).removesuffix("0")

    @property
    def parameters(self) -> dict[str, str]:
        """What stands in the query string."""
        if self._in_path or self.source.kind == "log":
            return dict(self.asked)
        return {"q" if self.source.kind == "query" else "name": self.source.name, **self.asked}

    def with_asked(self, **changed: str | None) -> str:
        """The query string behind a step."""
        said = {key: value for key, value in {**self.parameters, **changed}.items() if value is not None}
        return f"?{urlencode(said)}" if said else ""

    @cached_property
    def suffix(self) -> str:
        """All of it behind the step."""
        return self.with_asked()

    @property
    def home(self) -> str:
        """The page of what is replayed."""
        name = self.source.name
        match self.source.kind:
            case "stream":
                return reverse("stream", args=[self.log_name, name])
            case "workflow":
                return workflow_url(self.log_name, name)
            case kind:
                asked = {"agent": lambda: names_string(agent=name), "query": lambda: f"?{urlencode({'q': name})}"}
                return reverse("timeline", args=[self.log_name]) + asked.get(kind, str)()

    @property
    def _in_path(self) -> bool:
        """Browsers resolve `.` and `..` in paths, and servers don't like empty parts."""
        is_named = self.source.kind in ("stream", "workflow", "agent")
        return is_named and {".", "..", ""}.isdisjoint(self.source.name.split("/")) and "\n" not in self.source.name
