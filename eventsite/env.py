"""Environment variables, read by type. A bad value stops the start; the message names the variable and its form."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TypeVar

from django.core.exceptions import ImproperlyConfigured

Number = TypeVar("Number", int, float)


class Env:
    """Environment variables, read by type."""

    def __init__(self, variables: Mapping[str, str] = os.environ) -> None:
        self._variables = variables

    def text(self, name: str, default: str = "") -> str:
        return self._variables.get(name, "").strip() or default

    def required(self, name: str, *, hint: str) -> str:
        if value := self.text(name):
            return value
        raise ImproperlyConfigured(f"{name} is not set. {hint}")

    def flag(self, name: str, *, default: bool) -> bool:
        value = self.text(name, "1" if default else "0").lower()
        if value in {"1", "true", "yes", "on"}:
            return True
        if value in {"0", "false", "no", "off"}:
            return False
        raise ImproperlyConfigured(f"{name} is {value!r}; it takes 1 or 0.")

    def number(self, name: str, default: Number) -> Number:
        """Return a positive number of the default's type."""
        kind = type(default)
        text = self.text(name, str(default))
        try:
            value = kind(text)
        except ValueError:
            value = kind(0)
        if not 0 < value < float("inf"):
            kind_words = "whole number" if kind is int else "number"
            raise ImproperlyConfigured(f"{name} is {text!r}; it takes a {kind_words} above 0.")
        return value

    def names(self, name: str, default: str = "") -> list[str]:
        """Return names that are separated by commas."""
        return [part.strip() for part in self.text(name, default).split(",") if part.strip()]
