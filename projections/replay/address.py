"""Where a step of a replay is looked at: `/logs/<log>/replay/<kind>/<name>/<step>?by=…`.

A step is named by its place in the source: in a stream the version, else the position of its event in the log.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias
from urllib.parse import urlencode

from django.http import QueryDict
from django.urls import reverse

from events.converters import fits_in_path
from events.digits import whole_number
from events.errors import AddressTooLong, BadRequest
from projections.states.sources.base import Source

Said: TypeAlias = "str | tuple[str, ...] | None"
"""A parameter of an address: a tuple is said once for each, and None or an empty one not at all."""
ALONE = ("by", "why", "from", "in", "open", "to")
"""What an address says once: the projection, a value whose history is shown, the place of a step to compare with, the
part of the state that is shown, whether all of it is open, what was run to last."""
REPEATED = ("pin", "break")
"""And what as often as one likes: values that are followed, conditions to stop at."""
MOST = 12
"""Values that are followed, or conditions to stop at, in one address."""
MOST_CHARACTERS = 1_000
"""Characters of a query string, the source's name not counted: six hundred links of a page repeat it."""


@dataclass(frozen=True)
class Address:
    """A replay's address; `asked` are the parameters that its steps share."""

    log_name: str
    source: Source
    asked: Mapping[str, Said] = field(default_factory=dict)

    def one(self, name: str) -> str | None:
        """What a parameter of `ALONE` says."""
        said = self.asked.get(name)
        return said if isinstance(said, str) else None

    @property
    def other(self) -> int | None:
        """The place of the step to compare with."""
        text = self.one("from")
        return whole_number(text or "")

    def all(self, name: str) -> tuple[str, ...]:
        """What one of `REPEATED` says, each once."""
        said = self.asked.get(name)
        return said if isinstance(said, tuple) else ()

    def step(self, place: int, **changed: Said) -> str:
        """The address of a step, with some parameters changed; None takes one away. (`from_` is `from`.)"""
        return f"{self.prefix}{place}{self.with_asked(**changed)}"

    @property
    def kind(self) -> str:
        """The kind of its source, as addresses and pages say it."""
        return self.source.public_kind

    @cached_property
    def prefix(self) -> str:
        """All of it up to the step."""
        args: list[str | int] = [self.log_name, self.kind]
        if self._in_path:
            return reverse("replay-of", args=[*args, self.source.name, 0]).removesuffix("0")
        return reverse("replay", args=[*args, 0]).removesuffix("0")

    @property
    def parameters(self) -> dict[str, Said]:
        """What stands in the query string."""
        return dict(self.asked) if self._in_path else {**self.source.parameters, **self.asked}

    def pairs(self) -> Iterator[tuple[str, str]]:
        """The same as a form sends it."""
        for name, said in self.parameters.items():
            for each in said if isinstance(said, tuple) else [said]:
                if each is not None:
                    yield name, each

    def with_asked(self, **changed: Said) -> str:
        """The query string behind a step."""
        said = _encoded({**self.parameters, **{name.rstrip("_"): value for name, value in changed.items()}})
        return f"?{said}" if said else ""

    @cached_property
    def suffix(self) -> str:
        """All of it behind the step."""
        return self.with_asked()

    def check(self) -> None:
        """Raise `AddressTooLong` where people have added more to it than a page can repeat."""
        length = len(_encoded({name: said for name, said in self.parameters.items() if name != "name"}))
        if length > MOST_CHARACTERS:
            raise AddressTooLong(
                f"Its query, pins and breakpoints have {length:,} characters; a replay takes {MOST_CHARACTERS:,}."
            )

    @property
    def home(self) -> str:
        """The page of what is replayed."""
        return self.source.page_url(self.log_name, self.one("by") or "")

    @property
    def _in_path(self) -> bool:
        return self.source.is_in_paths and fits_in_path(self.source.name)


def _encoded(parameters: Mapping[str, Said]) -> str:
    return urlencode({name: said for name, said in parameters.items() if said not in (None, ())}, doseq=True)


def asked_of(query: QueryDict) -> dict[str, Said]:
    """The parameters of a replay, out of the query string of one of its steps.

    Raises:
        BadRequest: it pins more values, or stops at more conditions, than an address may.
    """
    alone: dict[str, Said] = {name: str(query[name]) for name in ALONE if name in query}
    repeated = {name: tuple(dict.fromkeys(map(str, query.getlist(name)))) for name in REPEATED}
    for name, said in repeated.items():
        if len(said) > MOST:
            raise BadRequest(f"This address says “{name}” {len(said)} times; a replay takes {MOST} at the most.")
    return alone | {name: said for name, said in repeated.items() if said}
