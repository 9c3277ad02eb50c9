"""Settings that can be read but can't work are named before they do harm."""

from __future__ import annotations

import re

import pytest
from pytest_django import Settings

from eventsite import checks
from eventsite.limits import Limits
from tests.support.server import CHECKOUT


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
        (Limits(request_max_bytes=1 << 26, writer_queue_bytes=(1 << 26) - 1), "eventsite.E002"),
    ],
)
def test_limits_that_contradict_each_other_are_named(settings: Settings, limits: Limits, expected: str) -> None:
    settings.EVENTSITE = limits
    found = checks.limits_fit_together()
    assert [message.id for message in found] == [expected]
    assert found[0].hint


def test_a_host_of_any_name_is_warned_of(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    assert [message.id for message in checks.hosts_are_named()] == ["eventsite.W001"]


def test_the_tests_database_can_hold_a_log(database: None) -> None:
    assert checks.database_can_hold_a_log(databases=["default"]) == []


@pytest.mark.parametrize("page", ["README.md", "docs/operating.md"])
def test_the_oldest_postgres_is_the_same_in_the_check_and_in_the_docs(page: str) -> None:
    named = re.findall(r"(?:Postgres|Version) (\d+) or later", (CHECKOUT / page).read_text())
    assert named == [str(checks.POSTGRES_MINIMUM)]


def test_an_older_postgres_is_refused(database: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "SERVER", f"select {checks.POSTGRES_MINIMUM - 1}, 'UTF8'")
    [refusal] = checks.database_can_hold_a_log(databases=["default"])
    assert (refusal.id, refusal.hint) == ("eventsite.E003", f"Use Postgres {checks.POSTGRES_MINIMUM} or later.")
