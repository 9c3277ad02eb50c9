"""The forms that read the query strings of pages, the same for a page, its partial and its socket."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from events.access.tokens import check_stream_prefix
from events.errors import Invalid
from events.models import Scope
from events.query.parse import MAX_CHARACTERS, parse
from events.query.reading import refuse_state
from events.query.times import parse_time, pin_times
from events.query.tree import EVERYTHING, Ago, Query

LAST_POSITION = 2**63 - 1


def _name(label: str) -> forms.CharField:
    return forms.CharField(label=label, required=False, max_length=200, strip=False)


def _cursor() -> forms.IntegerField:
    return forms.IntegerField(required=False, min_value=0, max_value=LAST_POSITION, widget=forms.HiddenInput)


class QueryField(forms.Field):
    """A query about events, read as its tree. The `params` of its error hold the problem and its column."""

    def clean(self, value: str | None) -> Any:
        try:
            return self.read(value or "")
        except Invalid as error:
            params = {"detail": error.detail, **error.fields}
            raise ValidationError("%(detail)s", code=error.code, params=params) from error

    def read(self, text: str) -> Any:
        """Return what a text asks for.

        Raises:
            Invalid: it can't be read, or not be asked here.
        """
        query = parse(text)
        self.check(query)
        return query

    def check(self, query: Query) -> None:
        """Raise `Invalid` for a query that can't be asked here."""
        refuse_state(query)


class TimelineForm(forms.Form):
    """A query for events, from a position on: `before` reads older ones, `after` newer ones."""

    q = QueryField(required=False)
    before = _cursor()
    after = _cursor()

    def clean(self) -> dict[str, Any]:
        """Add `query`, which is `q` with its relative times pinned to now, to the second."""
        fields = self.cleaned_data
        return fields | {"query": pin_times(fields.get("q", EVERYTHING), timezone.now().replace(microsecond=0))}


class CompletionForm(forms.Form):
    """A query that is being typed: the text before the caret, and the rest."""

    q = forms.CharField(required=False, max_length=MAX_CHARACTERS, strip=False)
    rest = forms.CharField(required=False, max_length=MAX_CHARACTERS, strip=False)


class LiveForm(TimelineForm):
    """A query for the events of a socket. With `counts` the socket gets the number of events, not their rows."""

    counts = forms.BooleanField(required=False)


class StreamsForm(forms.Form):
    """A list of streams: by last event, before a position; or by name, after a name."""

    prefix = _name("Name begins with")  # type: ignore[assignment]  # not the form's own prefix
    category = _name("Category")
    order = forms.ChoiceField(required=False, choices=[("last", "By last event"), ("name", "By name")])
    before = _cursor()
    after = forms.CharField(required=False, max_length=200, strip=False, widget=forms.HiddenInput)


class WorkflowsForm(forms.Form):
    """A list of workflows by last event, before a position; or one workflow by its id."""

    id = _name("Workflow")
    before = _cursor()


class WorkflowForm(forms.Form):
    """One workflow's events, in the order of the log or below their causes; from a position on, either way."""

    order = forms.ChoiceField(required=False, choices=[("cause", "By cause"), ("log", "In order")])
    before = _cursor()
    after = _cursor()


class SubscriptionsForm(forms.Form):
    """A list of subscriptions, after a name: all, those that need a look or are paused, and by the breaker."""

    show = forms.ChoiceField(required=False, choices=[("look", "Need a look"), ("paused", "Paused")])
    breaker = forms.ChoiceField(
        required=False,
        choices=[("open", "Open"), ("half-open", "Half-open"), ("closed", "Closed"), ("none", "None")],
    )
    after = forms.CharField(required=False, max_length=63, widget=forms.HiddenInput)


class ReleaseForm(forms.Form):
    """The deliveries to release: all that a consumer holds, or the one at a position."""

    consumer = _name("Consumer")
    position = forms.IntegerField(required=False, min_value=1, max_value=LAST_POSITION)


class TimeField(forms.CharField):
    """A time as queries write it, or how long ago; in UTC if it names no zone."""

    def clean(self, value: Any) -> datetime | None:
        text = super().clean(value)
        if not text:
            return None
        time = parse_time(text)
        if time is None:
            raise ValidationError("Write a time as 2026-01-31 12:00, in UTC or with a zone, or 2h for two hours ago.")
        return time.before(timezone.now()) if isinstance(time, Ago) else time


class RewindForm(forms.Form):
    """The position or the time after which a subscription is to go on, and when it was counted what that does."""

    position = forms.IntegerField(required=False, min_value=0, max_value=LAST_POSITION)
    time = TimeField(required=False, max_length=40)
    counted_at = forms.FloatField(required=False, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        """Add `place`: the position, or the time."""
        fields = self.cleaned_data
        places = [fields[name] for name in ("position", "time") if fields.get(name) is not None]
        if not self.errors and len(places) != 1:
            raise ValidationError("Give either a position or a time.")
        return fields | {"place": next(iter(places), None)}


class StreamForm(forms.Form):
    """One stream's events in a direction: those from a version on, or those up to one. Backward is newest first."""

    direction = forms.ChoiceField(required=False, choices=[("backward", "Newest first"), ("forward", "Oldest first")])
    from_version = forms.IntegerField(required=False, min_value=1, max_value=LAST_POSITION)
    to_version = forms.IntegerField(required=False, min_value=1, max_value=LAST_POSITION)


class ReasonForm(forms.Form):
    """The reason why something is done, which stands in the log."""

    reason = forms.CharField(max_length=200)


class TokenForm(forms.Form):
    """A new token for this log."""

    name = forms.CharField(max_length=200)
    scopes = forms.MultipleChoiceField(choices=Scope.choices, initial=[Scope.APPEND, Scope.READ])
    stream_prefix = forms.CharField(label="Only streams that begin with", required=False, max_length=200)
    agent = forms.CharField(label="Only as the agent", required=False, max_length=200)
    expires_in_days = forms.IntegerField(label="Expires after days", required=False, min_value=1, max_value=3650)

    def clean_stream_prefix(self) -> str:
        try:
            return check_stream_prefix(self.cleaned_data["stream_prefix"])
        except Invalid as error:
            raise ValidationError(error.detail, code=error.code) from error
