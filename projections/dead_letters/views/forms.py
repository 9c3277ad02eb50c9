"""The forms that read the query strings of the pages of dead letters."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from events.subscriptions.letters.asking import Asked, asked
from events.subscriptions.letters.letter import LetterId, Selection
from events.views.forms import QueryField
from projections.dead_letters.views.groups import STATES

_MAX_ID_CHARACTERS = 300


class LetterIdField(forms.CharField):
    """The id of a dead letter; None if it is empty."""

    def clean(self, value: Any) -> LetterId | None:
        text = super().clean(value)
        try:
            return LetterId.parse(text) if text else None
        except ValueError:
            raise ValidationError("A dead letter is named as subscription:position.") from None


class AskedField(QueryField):
    """The terms about letters and their events; times count from now."""

    def read(self, text: str) -> Asked:
        return asked(text, timezone.now())


class DeadLettersForm(forms.Form):
    """Dead letters in a state, of one subscription or of all, that fit what is asked, by fault.

    `open` is the id of the group whose letters are shown; those after the letter `after`.
    """

    state = forms.ChoiceField(required=False, choices=[(state, state.capitalize()) for state in STATES])
    subscription = forms.SlugField(required=False, max_length=63)
    q = AskedField(required=False)
    open = forms.CharField(required=False, max_length=_MAX_ID_CHARACTERS)
    after = LetterIdField(required=False, max_length=_MAX_ID_CHARACTERS)

    def clean_state(self) -> str:
        return self.cleaned_data["state"] or "undecided"

    @property
    def selection(self) -> Selection:
        """The letters that the form asks for."""
        fits: Asked = self.cleaned_data["q"]
        return Selection(
            subscription=self.cleaned_data["subscription"] or None,
            states=STATES[self.cleaned_data["state"]],
            query=fits.query,
            terms=fits.terms,
        )
