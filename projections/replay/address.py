"""The addresses of a replay's steps: `/logs/<log>/replay/<kind>/<name>/<place>?by=…`.

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

ParameterValue: TypeAlias = "str | tuple[str, ...] | None"
"""The value of a parameter: a tuple repeats the parameter, and None or an empty tuple leaves it out."""
SINGLE = ("by", "why", "from", "in", "open", "to")
"""Parameters that stand in an address once: the projection, a value whose history is shown, the place of a step to
compare with, the part of the state that is shown, how it is folded, the condition of the last seek."""
REPEATED = ("pin", "break")
"""Parameters that may be repeated: pinned values, breakpoints."""
MAX_REPETITIONS = 12
"""Most pinned values, or breakpoints, in one address."""
MAX_QUERY_CHARACTERS = 1_000
"""The source's name is not counted. Six hundred links of a page repeat the query string."""


@dataclass(frozen=True)
class ReplayAddress:
    """A replay's address; its steps share the `parameters`."""

    log_name: str
    source: Source
    parameters: Mapping[str, ParameterValue] = field(default_factory=dict)

    def one(self, name: str) -> str | None:
        """Return the value of a parameter of `SINGLE`."""
        value = self.parameters.get(name)
        return value if isinstance(value, str) else None

    @property
    def compared_place(self) -> int | None:
        """The place of the step to compare with."""
        text = self.one("from")
        return whole_number(text or "")

    def all(self, name: str) -> tuple[str, ...]:
        """Return the values of a parameter of `REPEATED`."""
        value = self.parameters.get(name)
        return value if isinstance(value, tuple) else ()

    def step(self, place: int, **changes: ParameterValue) -> str:
        """Return the address of a step, with some parameters changed; None removes one. (`from_` is `from`.)"""
        return f"{self.prefix}{place}{self.query_string(**changes)}"

    @property
    def kind(self) -> str:
        """The kind of the source, as addresses and pages name it."""
        return self.source.public_kind

    @cached_property
    def prefix(self) -> str:
        """The address up to the step's place."""
        args: list[str | int] = [self.log_name, self.kind]
        if self._in_path:
            return reverse("replay-of", args=[*args, self.source.name, 0]).removesuffix("0")
        return reverse("replay", args=[*args, 0]).removesuffix("0")

    @property
    def query_parameters(self) -> dict[str, ParameterValue]:
        """The parameters of the query string, with those of the source that do not stand in the path."""
        return dict(self.parameters) if self._in_path else {**self.source.parameters, **self.parameters}

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Yield the names and values of the query string, as a form sends them."""
        for name, value in self.query_parameters.items():
            for text in value if isinstance(value, tuple) else [value]:
                if text is not None:
                    yield name, text

    def query_string(self, **changes: ParameterValue) -> str:
        """Return the query string of a step, with some parameters changed."""
        query = _encoded({**self.query_parameters, **{name.rstrip("_"): value for name, value in changes.items()}})
        return f"?{query}" if query else ""

    @cached_property
    def suffix(self) -> str:
        """The address after the step's place."""
        return self.query_string()

    def check(self) -> None:
        """Raise `AddressTooLong` if people have added more to the address than a page can repeat."""
        length = len(_encoded({name: value for name, value in self.query_parameters.items() if name != "name"}))
        if length > MAX_QUERY_CHARACTERS:
            raise AddressTooLong(
                f"Its query, pins and breakpoints have {length:,} characters; the limit is {MAX_QUERY_CHARACTERS:,}."
            )

    @property
    def home(self) -> str:
        """The page of the source."""
        return self.source.page_url(self.log_name, self.one("by") or "")

    @property
    def _in_path(self) -> bool:
        return self.source.is_in_paths and fits_in_path(self.source.name)


def _encoded(parameters: Mapping[str, ParameterValue]) -> str:
    return urlencode({name: value for name, value in parameters.items() if value not in (None, ())}, doseq=True)


def shared_parameters(query: QueryDict) -> dict[str, ParameterValue]:
    """Return the parameters that the steps of a replay share, from the query string of one of them.

    Raises:
        BadRequest: it has more pinned values, or more breakpoints, than an address may.
    """
    single: dict[str, ParameterValue] = {name: str(query[name]) for name in SINGLE if name in query}
    repeated_parameters = {name: tuple(dict.fromkeys(map(str, query.getlist(name)))) for name in REPEATED}
    for name, values in repeated_parameters.items():
        if len(values) > MAX_REPETITIONS:
            problem = f"This address has “{name}” {len(values)} times; a replay takes at most {MAX_REPETITIONS}."
            raise BadRequest(problem)
    return single | {name: values for name, values in repeated_parameters.items() if values}
