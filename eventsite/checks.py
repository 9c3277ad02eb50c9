"""System checks: settings that can be read but can't work."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register

MAX_DIGITS = 4_300  # of an int in Python
MIN_NAME_CHARACTERS = 64  # of the id of an event that is made of a span: a trace, a span, and what of it
MAX_PLACES = 16_383  # of decimals, in a numeric of Postgres: a longer number fails each search that meets it


@register()
def limits_fit_together(**kwargs: Any) -> list[CheckMessage]:
    """Check that the limits allow each other: events fit into requests, requests into the writer's queue."""
    limits = settings.EVENTSITE
    errors: list[CheckMessage] = []
    if 2 * limits.event_max_bytes > limits.request_max_bytes:
        errors.append(
            Error(
                "An event of the allowed size does not fit into a request.",
                hint="Make EVENTSITE_REQUEST_MAX_BYTES at least twice EVENTSITE_EVENT_MAX_BYTES (data and metadata).",
                id="eventsite.E001",
            )
        )
    if limits.request_max_events > limits.writer_queue_events or limits.request_max_bytes > limits.writer_queue_bytes:
        errors.append(
            Error(
                "A request of the allowed size does not fit into the writer's queue.",
                hint="Raise EVENTSITE_WRITER_QUEUE_EVENTS or _BYTES, or lower EVENTSITE_REQUEST_MAX_EVENTS or _BYTES.",
                id="eventsite.E002",
            )
        )
    digits, places = limits.number_max_digits, limits.number_max_digits + limits.number_max_exponent
    if digits > MAX_DIGITS or places > MAX_PLACES:
        errors.append(
            Error(
                "No query can look at a number of the allowed size.",
                hint=f"EVENTSITE_NUMBER_MAX_DIGITS may be {MAX_DIGITS:,} at most, with …_EXPONENT {MAX_PLACES:,}.",
                id="eventsite.E005",
            )
        )
    if limits.name_max_length < MIN_NAME_CHARACTERS:
        errors.append(
            Error(
                "Events of OpenTelemetry have ids that are longer than names may be.",
                hint=f"Make EVENTSITE_NAME_MAX_LENGTH at least {MIN_NAME_CHARACTERS}.",
                id="eventsite.E009",
            )
        )
    return errors


@register(Tags.security)
def hosts_are_named(**kwargs: Any) -> list[CheckMessage]:
    """Warn if every host is allowed."""
    if "*" not in settings.ALLOWED_HOSTS:
        return []
    return [
        checks.Warning(
            "EVENTSITE_ALLOWED_HOSTS is *: any site can pretend to be this one.",
            hint="Name the hosts that people and agents use.",
            id="eventsite.W001",
        )
    ]
