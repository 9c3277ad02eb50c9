"""The form that starts a seek: its fields stand in the query string of a replay's address."""

from __future__ import annotations

from dataclasses import dataclass

from django import forms
from django.utils import timezone

from events.query.parse import MAX_CHARACTERS
from events.query.printing import to_text
from events.query.tree import EVERYTHING, Query, pin
from events.views.forms import LAST_POSITION, QueryField


class StepQueryField(QueryField):
    """A query about steps of a replay: about their events, the states after them, and their changes."""

    def check(self, query: Query) -> None:
        """Every field of the query language is allowed."""


@dataclass(frozen=True, slots=True)
class SeekOrder:
    """A seek as `SeekForm` reads it. `to` is the text of `query`, with its times pinned."""

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
        """The parameters that stay in the address when the step is found."""
        return {"to": self.to or None}

    @property
    def all(self) -> dict[str, str | None]:
        """The parameters of the address while the seek goes on."""
        return {**self.kept, "way": self.way, "watch": self.watch, "failed": "1" if self.failed else None}


class SeekForm(forms.Form):
    """A seek from a step of a replay.

    It runs to a step that fits `to`, to one that changes the value at `watch`, to one that `failed`, or (`way` continue
    and reverse) to a breakpoint. `way` break adds `to` as a breakpoint. `job` is the job that seeks.
    """

    to = StepQueryField(required=False)
    watch = forms.CharField(required=False, max_length=MAX_CHARACTERS, strip=False)
    failed = forms.BooleanField(required=False)
    way = forms.ChoiceField(choices=[(way, way) for way in ("next", "previous", "continue", "reverse", "break")])
    job = forms.IntegerField(required=False, min_value=1, max_value=LAST_POSITION)

    def clean(self) -> None:
        """Ignore an unreadable `to` when the request seeks something else (a breakpoint, a watched value or a
        failure)."""
        if self.data.get("way") in ("continue", "reverse") or not {"watch", "failed"}.isdisjoint(self.data):
            self.errors.pop("to", None)

    @property
    def order(self) -> SeekOrder:
        """The seek that the form orders. Its relative times count back from now, to the second."""
        fields = self.cleaned_data
        written = fields.get("to", EVERYTHING)
        query = pin(written, timezone.now().replace(microsecond=0))
        to = self.data.get("to", "") if query == written else to_text(query)
        watch = fields["watch"] if "watch" in self.data else None
        return SeekOrder(fields["way"], query, to.strip(), watch, fields["failed"], fields["job"])
