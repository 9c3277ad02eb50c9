"""The steps that the page Connect prints for a framework. Pure data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """One step for a person: `lines` are to be copied. `note` stands beside the title, `warning` too, but in colour.

    `is_command`: the lines are for a shell, and one copies them with those of the other steps.
    """

    title: str
    lines: str
    words: str = ""
    note: str = ""
    warning: str = ""
    is_command: bool = True


@dataclass(frozen=True, slots=True)
class Framework:
    """A way for runs to come in. `kind` is a word beside the name, `unseen` tells what does not come this way.

    `sends_spans`: its runs come over OpenTelemetry; else its events are appended as they are. `fuller` is the slug of
    another way for the same framework, by which more of its runs is seen.
    """

    slug: str
    name: str
    kind: str
    title: str
    checked: str
    steps: Sequence[Step]
    unseen: str
    sends_spans: bool = True
    fuller: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Frameworks that come in the same way."""

    name: str
    frameworks: Sequence[Framework]


SAMPLE_TOKEN = "$EVENTSITE_TOKEN"  # noqa: S105  # stands where a token will
MADE_NOW = "token made for you just now, shown once, appends only"
OFF = "off unless you do"
ON = "on unless you switch it off"
NAMES_ONLY = "a run arrives with names, times and tokens, but with no messages, arguments or results."
POINT_CLIENT = Step("Point it here", "export EVENTSITE_URL={endpoint}\nexport EVENTSITE_TOKEN={token}", note=MADE_NOW)
"""The variables that the Python client reads."""
