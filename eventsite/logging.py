"""Logging: one handler to standard error, without secrets."""

from __future__ import annotations

import logging
import re
from typing import Any

SECRETS = [
    (re.compile(r"(/sign-in/)[^/\s?#\"']+"), r"\1…"),
    (re.compile(r"\bevt_[\w-]+"), "evt_…"),
    (re.compile(r"(?i)(bearer )[^\s\"',]+"), r"\1…"),
]


def without_secrets(text: str) -> str:
    for secret, mark in SECRETS:
        text = secret.sub(mark, text)
    return text


class RedactingFormatter(logging.Formatter):
    """Removes secrets from the finished text, so that arguments and tracebacks are covered too."""

    def format(self, record: logging.LogRecord) -> str:
        return without_secrets(super().format(record))


LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"()": RedactingFormatter, "format": "{asctime} {levelname} {name}: {message}", "style": "{"},
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        # Django would give this logger a handler of its own, without this formatter.
        "django": {"handlers": [], "level": "WARNING", "propagate": True},
        "events": {"level": "INFO"},
        "eventsite": {"level": "INFO"},
        "projections": {"level": "INFO"},
    },
}
