"""The form that starts a seek: its fields stand in the query string of a replay's address."""

from __future__ import annotations

from dataclasses import dataclass

from django import forms
from django.utils import timezone

from events.query.parse import MAX_CHARACTERS
from events.query.printing import to_text
from events.query.times import pin_times
from events.query.tree import EVERYTHING, Query
from events.views.forms import LAST_POSITION, QueryField


class StepQueryField(QueryField):
    """A query about steps of a replay: about their events, the states after them, and their changes."""

    def check(self, query: Query) -> None:
        """Allow every field of the query language."""


@dataclass(frozen=True, slots=True)
class SeekRequest:
    """A seek that a page asks for, parsed by `SeekForm`. `to` is the text of `query`, with its times pinned."""

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
    def lasting_parameters(self) -> dict[str, str | None]:
        """The parameters that stay in the address when the step is found."""
        return {"to": self.to or None}

    @property
    def parameters(self) -> dict[str, str | None]:
        """The parameters of the address while the seek goes on."""
        failed = "1" if self.failed else None
        return {**self.lasting_parameters, "way": self.way, "watch": self.watch, "failed": failed}


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
        """Ignore an unreadable `to` when the request seeks something else.

        That may be a breakpoint, a watched value or a failure.
        """
        if self.data.get("way") in ("continue", "reverse") or not {"watch", "failed"}.isdisjoint(self.data):
            self.errors.pop("to", None)

    @property
    def seek_request(self) -> SeekRequest:
        """The seek that the form asks for. Its relative times count back from now, to the second."""
        fields = self.cleaned_data
        query_as_written = fields.get("to", EVERYTHING)
        query = pin_times(query_as_written, timezone.now().replace(microsecond=0))
        to = self.data.get("to", "") if query == query_as_written else to_text(query)
        watch = fields["watch"] if "watch" in self.data else None
        return SeekRequest(fields["way"], query, to.strip(), watch, fields["failed"], fields["job"])
