"""Settings that can be read but can't work together are named at the start."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from eventsite import checks
from eventsite.limits import Limits


def test_the_defaults_fit_together(settings: Settings) -> None:
    settings.EVENTSITE = Limits()
    assert checks.limits_fit_together() == []


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (Limits(event_max_bytes=100, request_max_bytes=199), "eventsite.E001"),
        (Limits(request_max_events=10, writer_queue_events=9), "eventsite.E002"),
        (Limits(number_max_digits=4_301), "eventsite.E005"),
        (Limits(number_max_exponent=15_384), "eventsite.E005"),
        (Limits(name_max_length=63), "eventsite.E009"),
        (Limits(request_max_bytes=1 << 26, writer_queue_bytes=(1 << 26) - 1), "eventsite.E002"),
    ],
)
def test_limits_that_contradict_each_other_are_named(settings: Settings, limits: Limits, expected: str) -> None:
    settings.EVENTSITE = limits
    messages = checks.limits_fit_together()
    assert [message.id for message in messages] == [expected]
    assert messages[0].hint


def test_a_host_of_any_name_is_warned_of(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    assert [message.id for message in checks.hosts_are_named()] == ["eventsite.W001"]
