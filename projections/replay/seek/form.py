"""What may stand in a replay's query string to run somewhere."""

from __future__ import annotations

from dataclasses import dataclass

from django import forms
from django.utils import timezone

from events.query.parse import MOST_CHARACTERS
from events.query.printing import to_text
from events.query.tree import EVERYTHING, Query, pin
from events.views.forms import LAST_POSITION, QueryField


class StepQueryField(QueryField):
    """A query about the steps of a replay: of their events, of the states after them and of what changed."""

    def check(self, query: Query) -> None:
        """All can be asked."""


@dataclass(frozen=True, slots=True)
class Run:
    """What is to be run to, as `SeekForm` reads it. `to` is `query` as text, its times pinned."""

    way: str
    query: Query
    to: str
    watch: str | None
    failed: bool
    job: int | None

    @property
    def is_backward(self) -> bool:
        return self.way in ("previous", "reverse")

    @property
    def kept(self) -> dict[str, str | None]:
        """What an address says of it once the step is found."""
        return {"to": self.to or None}

    @property
    def all(self) -> dict[str, str | None]:
        """And until then."""
        return {**self.kept, "way": self.way, "watch": self.watch, "failed": "1" if self.failed else None}


class SeekForm(forms.Form):
    """Where to run from a step of a replay: to a step that fits `to`, one that changes the value at `watch`, one that
    `failed`, or (`way` continue and reverse) a breakpoint; or to `break` there from now on. `job` seeks it."""

    to = StepQueryField(required=False)
    watch = forms.CharField(required=False, max_length=MOST_CHARACTERS, strip=False)
    failed = forms.BooleanField(required=False)
    way = forms.ChoiceField(choices=[(way, way) for way in ("next", "previous", "continue", "reverse", "break")])
    job = forms.IntegerField(required=False, min_value=1, max_value=LAST_POSITION)

    def clean(self) -> None:
        """What is written says nothing where something else is run to."""
        if self.data.get("way") in ("continue", "reverse") or not {"watch", "failed"}.isdisjoint(self.data):
            self.errors.pop("to", None)

    @property
    def run(self) -> Run:
        """Relative times mean those before now, to the second."""
        said = self.cleaned_data
        written = said.get("to", EVERYTHING)
        query = pin(written, timezone.now().replace(microsecond=0))
        to = self.data.get("to", "") if query == written else to_text(query)
        watch = said["watch"] if "watch" in self.data else None
        return Run(said["way"], query, to.strip(), watch, said["failed"], said["job"])
