"""The form of a subscription's settings. Its numbers have the bounds and the defaults that the API documents."""

from __future__ import annotations

from typing import Any

import msgspec
from django import forms
from django.core.exceptions import ValidationError

from events.api.subscription_schemas import BackoffIn, BreakerIn, SubscriptionIn
from events.api.subscription_settings import settings_of, start_of
from events.errors import Invalid
from events.models import OrderBy
from events.query.parse import MAX_CHARACTERS
from events.subscriptions.keys import MAX_KEY_CHARACTERS
from events.subscriptions.settings import Settings, check_subscription_name
from events.views.forms import LAST_POSITION

_SCHEMAS = msgspec.json.schema(SubscriptionIn)["$defs"]
_STARTS = [("beginning", "the first event"), ("now", "the next event"), ("after", "the event after")]
_VALUE = "value"
"""The choice of an order by a value of data, which has a pointer."""
_ORDERS = [(each.value, each.value) for each in OrderBy]
_FIELDS = {"start": "after", "order_by": "pointer"}
"""The fields that have other names in the API."""


def _number(body: type[msgspec.Struct], name: str, initial: float | None = None, **field: Any) -> forms.IntegerField:
    """Return the field of a number in a body of the API."""
    about = _SCHEMAS[body.__name__]["properties"][name]
    kind = forms.IntegerField if about["type"] == "integer" else forms.FloatField
    return kind(min_value=about["minimum"], max_value=about["maximum"], initial=about.get("default", initial), **field)


class SettingsForm(forms.Form):
    """The settings of a subscription that may change. The names are those of the API, with `_` for its dots."""

    q = forms.CharField(required=False, max_length=MAX_CHARACTERS)
    ack_deadline = _number(SubscriptionIn, "ack_deadline")
    max_attempts = _number(SubscriptionIn, "max_attempts")
    when_exhausted = forms.ChoiceField(choices=[("hold", "holds its key"), ("pass", "lets it pass")], initial="hold")
    backoff_first = _number(BackoffIn, "first")
    backoff_factor = _number(BackoffIn, "factor")
    backoff_most = _number(BackoffIn, "most")
    backoff_jitter = _number(BackoffIn, "jitter")
    max_in_flight = _number(SubscriptionIn, "max_in_flight")
    max_in_flight_per_consumer = _number(SubscriptionIn, "max_in_flight_per_consumer")
    breaker = forms.BooleanField(required=False)
    breaker_failures = _number(BreakerIn, "failures", 10, required=False)
    breaker_of = _number(BreakerIn, "of", 20, required=False)
    breaker_minimum = _number(BreakerIn, "minimum", 10, required=False)
    breaker_pause = _number(BreakerIn, "pause", 60, required=False)
    projection = forms.CharField(max_length=200, initial="latest")
    system = forms.BooleanField(required=False)

    def __init__(self, *args: Any, order_by: str = "", start: int = 0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._order_by = order_by
        self._start = start

    @property
    def order_by(self) -> str:
        """The part of an event by which events are ordered. It can't change."""
        return self._order_by

    @property
    def start(self) -> int | None:
        """The position after which the subscription begins, or `store.NOW`. It can't change."""
        return self._start

    @property
    def settings(self) -> Settings:
        """The settings, checked as those of the API.

        Raises:
            Invalid
        """
        fields = self.cleaned_data
        return settings_of(
            SubscriptionIn(
                q=fields["q"],
                order_by=self.order_by,
                ack_deadline=fields["ack_deadline"],
                max_attempts=fields["max_attempts"],
                backoff=BackoffIn(**self._part("backoff")),
                max_in_flight=fields["max_in_flight"],
                max_in_flight_per_consumer=fields["max_in_flight_per_consumer"],
                when_exhausted=fields["when_exhausted"],
                projection=fields["projection"],
                breaker=BreakerIn(**self._part("breaker")) if fields["breaker"] else None,
                system=fields["system"],
            )
        )

    def clean(self) -> dict[str, Any]:
        fields = self.cleaned_data
        if fields.get("breaker"):
            for name in self._names_of("breaker"):
                if name not in self.errors and fields.get(name) is None:
                    self.add_error(name, "A breaker needs this number.")
        if not self.errors:
            try:
                _ = self.settings
            except Invalid as error:
                self.refuse(error)
        return fields

    def refuse(self, error: Invalid) -> None:
        """Show a refusal at the field that it names; one of a query names none."""
        field = str(error.fields.get("field", "q"))
        name = _FIELDS.get(field, field.replace(".", "_"))
        self.add_error(name if name in self.fields else None, error.detail)

    def _names_of(self, part: str) -> list[str]:
        return [name for name in self.fields if name.startswith(f"{part}_")]

    def _part(self, part: str) -> dict[str, Any]:
        return {name.removeprefix(f"{part}_"): self.cleaned_data[name] for name in self._names_of(part)}


class NewSubscriptionForm(SettingsForm):
    """A new subscription: its name, where it begins, and what its events are ordered by, besides the settings."""

    name = forms.CharField(max_length=63)
    begin = forms.ChoiceField(choices=_STARTS, initial="beginning")
    after = forms.IntegerField(required=False, min_value=0, max_value=LAST_POSITION)
    order = forms.ChoiceField(choices=[*_ORDERS, (_VALUE, "a value of data")], initial=OrderBy.STREAM)
    pointer = forms.CharField(required=False, max_length=MAX_KEY_CHARACTERS)

    @property
    def order_by(self) -> str:
        fields = self.cleaned_data
        return str(fields["pointer"] if fields["order"] == _VALUE else fields["order"])

    @property
    def start(self) -> int | None:
        begin = self.cleaned_data["begin"]
        return int(self.cleaned_data["after"]) if begin == "after" else start_of(SubscriptionIn(q="", start=begin))

    def clean_name(self) -> str:
        try:
            return check_subscription_name(self.cleaned_data["name"])
        except Invalid as error:
            raise ValidationError(error.detail, code=error.code) from error

    def clean(self) -> dict[str, Any]:
        fields = self.cleaned_data
        if fields.get("begin") == "after" and "after" not in self.errors and fields.get("after") is None:
            self.add_error("after", "After which position?")
        if fields.get("order") == _VALUE and not fields.get("pointer", "").startswith("/"):
            self.add_error("pointer", "A JSON Pointer into data begins with a slash, such as /order/id.")
        return super().clean()


def initial_of(settings: Settings) -> dict[str, Any]:
    """Return the values of the form for the settings of a subscription."""
    breaker = settings.breaker or {}
    return {
        "q": settings.query,
        "ack_deadline": _plain(settings.ack_deadline),
        "max_attempts": settings.max_attempts,
        "when_exhausted": "pass" if settings.passes_dead_letters else "hold",
        **{f"backoff_{name}": _plain(value) for name, value in settings.backoff.items()},
        "max_in_flight": settings.max_in_flight,
        "max_in_flight_per_consumer": settings.max_in_flight_per_consumer,
        "breaker": settings.breaker is not None,
        **{f"breaker_{name}": _plain(value) for name, value in breaker.items()},
        "projection": settings.projection,
        "system": settings.with_system_events,
    }


def _plain(number: float) -> float:
    """Return a number without a fraction of zero, as a person writes it."""
    return int(number) if float(number).is_integer() else number
