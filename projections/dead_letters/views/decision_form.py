"""The form of a decision: what it is about, and what is decided."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.core.exceptions import ValidationError
from django.urls import reverse

from events.digits import whole_number
from events.errors import Invalid
from events.query.parse import MAX_CHARACTERS
from events.subscriptions.letters.deciding import Act
from events.subscriptions.letters.letter import LetterId
from projections.dead_letters.deciding import MAX_STOP_AFTER
from projections.dead_letters.target import Target, Where
from projections.dead_letters.views.forms import LetterIdField
from projections.dead_letters.views.groups import STATES

ACTS: tuple[Act, ...] = ("retry", "escalate", "skip")
_MAX_NAME_CHARACTERS = 200
_MAX_POSITIONS = 500


class PositionsField(forms.Field):
    """Positions of events, each once."""

    widget = forms.MultipleHiddenInput

    def clean(self, value: Any) -> Sequence[int]:
        positions = [whole_number(text) for text in value or ()]
        if None in positions or len(positions) > _MAX_POSITIONS:
            raise ValidationError(f"Positions are at most {_MAX_POSITIONS} whole numbers.")
        return list(dict.fromkeys(position for position in positions if position is not None))


def _name() -> forms.CharField:
    return forms.CharField(required=False, max_length=_MAX_NAME_CHARACTERS)


class DecisionForm(forms.Form):
    """A decision about some letters of a subscription, which `position`s name, or about all that fit (`all`).

    Those that fit have the `subscription` or the `projection`, the `fault`, a `state`, and events that fit `q`. A retry
    `stops` when `stop_after` letters failed again. `letter` is the id of the letter from whose page the form comes. A
    question that is asked `at_once` proposes no canary.
    """

    decision = forms.ChoiceField(choices=[(act, act) for act in ACTS])
    subscription = _name()
    projection = _name()
    fault = _name()
    state = forms.ChoiceField(required=False, choices=[(word, word) for word in ("undecided", "escalated")])
    q = forms.CharField(required=False, max_length=MAX_CHARACTERS, strip=False)
    position = PositionsField(required=False)
    all = forms.BooleanField(required=False)
    letter = LetterIdField(required=False)
    canary = forms.BooleanField(required=False)
    at_once = forms.BooleanField(required=False)
    stops = forms.BooleanField(required=False)
    stop_after = forms.IntegerField(required=False, min_value=1, max_value=MAX_STOP_AFTER)
    to = _name()
    note = forms.CharField(required=False, max_length=1_000)

    def clean(self) -> dict[str, Any]:
        """Add `target`, which the other fields name."""
        fields = self.cleaned_data
        if self.errors:
            return fields
        if fields["all"]:
            try:
                return fields | {"target": Target(where=self._where().checked())}
            except Invalid as error:
                raise ValidationError(error.detail) from error
        if not fields["position"] or not fields["subscription"]:
            raise ValidationError("Choose at least one letter.")
        ids = [LetterId(fields["subscription"], position) for position in fields["position"]]
        return fields | {"target": Target.of_ids(ids)}

    def _where(self) -> Where:
        fields = self.cleaned_data
        return Where(
            subscription=fields["subscription"] or None,
            projection=fields["projection"] or None,
            fault=fields["fault"] or None,
            state=STATES[fields["state"]][0] if fields["state"] and not fields["projection"] else None,
            q=fields["q"],
        )

    @property
    def problems(self) -> list[str]:
        """What is wrong with the form, in words."""
        return [
            str(problem) if name == "__all__" else f"{name}: {problem}"
            for name, problems in self.errors.items()
            for problem in problems
        ]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The names and values of the fields that name the target, as a form sends them."""
        fields = self.cleaned_data
        names = ("decision", "subscription", "projection", "fault", "state", "q", "letter")
        pairs = [(name, str(fields[name])) for name in names if fields[name]]
        if fields["all"]:
            return [*pairs, ("all", "1")]
        return [*pairs, *(("position", str(position)) for position in fields["position"])]

    def back(self, log_name: str) -> str:
        """The address of the page from which the form comes: that of a letter, or the group in the list."""
        fields = self.cleaned_data
        letters_url = reverse("dead-letters", args=[log_name])
        if fields["letter"]:
            return f"{letters_url}{fields['letter']}"
        group = fields["subscription"] and fields["fault"] and f"{fields['subscription']}:{fields['fault']}"
        state = fields["state"] if fields["state"] != "undecided" else ""
        query = {name: value for name, value in (("open", group), ("state", state), ("q", fields["q"])) if value}
        return f"{letters_url}?{urlencode(query)}" if query else letters_url
