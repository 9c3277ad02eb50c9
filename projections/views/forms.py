"""The forms that read the query strings of pages about states."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.dateparse import parse_datetime

from events.errors import Invalid
from events.leap_second import with_leap_second
from events.query.parse import MAX_CHARACTERS
from events.query.tree import Query
from events.views.forms import LAST_POSITION
from projections.definition.projection import MAX_KEY_CHARACTERS
from projections.states.moment import Moment
from projections.states.query import parse_state_query


def _position(label: str) -> forms.IntegerField:
    return forms.IntegerField(label=label, required=False, min_value=0, max_value=LAST_POSITION)


class TimeField(forms.CharField):
    """A time, converted to UTC. A time without a zone is in UTC."""

    def clean(self, value: Any) -> datetime | None:
        text = super().clean(value).strip()
        if not text:
            return None
        try:
            time = with_leap_second(parse_datetime, text)
            if time:
                return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
        except (ValueError, OverflowError):  # February 30; a zone that leads out of the calendar
            pass
        raise ValidationError("Write a time as 2026-01-31 12:00:00, in UTC or with a zone.")


class StateQueryField(forms.CharField):
    """A query about states, as its tree; None if it is empty."""

    def clean(self, value: Any) -> Query | None:
        text = super().clean(value)
        if not text.strip():
            return None
        try:
            return parse_state_query(text)
        except Invalid as error:
            raise ValidationError(error.detail) from error


class AgentsForm(forms.Form):
    """The agents to list: those whose names begin with a prefix, and whose last event lies before a position."""

    prefix = forms.CharField(required=False, max_length=MAX_KEY_CHARACTERS, strip=False)  # type: ignore[assignment]  # as in events
    before = forms.IntegerField(required=False, min_value=0, max_value=LAST_POSITION)


class StatesForm(forms.Form):
    """The states to list: those after a key whose keys begin with a prefix and that fit a query."""

    prefix = forms.CharField(required=False, max_length=MAX_KEY_CHARACTERS, strip=False)  # type: ignore[assignment]  # as in events
    q = StateQueryField(required=False, max_length=MAX_CHARACTERS)
    after = forms.CharField(required=False, max_length=MAX_KEY_CHARACTERS, strip=False)


@dataclass(frozen=True, slots=True)
class StateRequest:
    """A request for a state: its key, and the moment.

    `from_position`, `to_position`: the positions to compare (to None: now). `value`: the pointer of a value whose
    history is shown, up to the position `before` or the moment.
    """

    key: str
    at: Moment
    from_position: int | None
    to_position: int | None
    value: str | None
    before: int | None


class StateForm(forms.Form):
    """One state at a moment, or the difference between two positions (`from`, `to`)."""

    key = forms.CharField(required=False, max_length=MAX_KEY_CHARACTERS, strip=False)
    at_version = _position("Version")
    at_position = _position("Position")
    at_time = TimeField(required=False, max_length=40)
    from_ = _position("From")
    to = _position("To")
    value = forms.CharField(required=False, max_length=4_000, strip=False)
    before = _position("Before")

    def add_prefix(self, field_name: str) -> str:
        """Return the name of a field in the query string: `from_` is `from`, which is a keyword of Python."""
        return super().add_prefix(field_name.rstrip("_"))

    def clean(self) -> dict[str, Any]:
        fields = self.cleaned_data
        if sum(fields.get(name) is not None for name in ("at_version", "at_position", "at_time")) > 1:
            raise ValidationError("Give one moment: a version, a position or a time.")
        return fields

    @property
    def state_request(self) -> StateRequest:
        """The request of a valid form."""
        fields = self.cleaned_data
        return StateRequest(
            fields["key"],
            Moment(version=fields["at_version"], position=fields["at_position"], time=fields["at_time"]),
            fields["from_"],
            fields["to"],
            fields["value"] if "value" in self.data else None,
            fields["before"],
        )
