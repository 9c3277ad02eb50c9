"""A bad setting fails loudly."""

from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured

from eventsite.env import Env
from eventsite.limits import Limits


def test_an_unset_variable_has_its_default() -> None:
    assert Env({}).text("NAME", "default") == "default"
    assert Env({"NAME": " "}).text("NAME", "default") == "default"
    assert Env({}).names("NAME", "a, b,") == ["a", "b"]


@pytest.mark.parametrize(("text", "value"), [("1", True), ("Yes", True), ("0", False), ("off", False)])
def test_a_flag_is_read_in_words(text: str, value: bool) -> None:
    assert Env({"NAME": text}).flag("NAME", default=not value) is value


@pytest.mark.parametrize("text", ["maybe", "2"])
def test_a_flag_that_is_no_flag_stops_the_start(text: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="NAME"):
        Env({"NAME": text}).flag("NAME", default=False)


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "16MB", "many"])
def test_a_limit_that_is_no_positive_whole_number_stops_the_start(text: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="EVENTSITE_EVENT_MAX_BYTES is .* whole number"):
        Limits.read(Env({"EVENTSITE_EVENT_MAX_BYTES": text}))


@pytest.mark.parametrize("text", ["nan", "inf", "0"])
def test_a_time_that_is_no_time_stops_the_start(text: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="EVENTSITE_WRITER_TIMEOUT"):
        Limits.read(Env({"EVENTSITE_WRITER_TIMEOUT": text}))


def test_each_limit_is_set_by_its_variable() -> None:
    limits = Limits.read(Env({"EVENTSITE_REQUEST_MAX_EVENTS": "5", "EVENTSITE_TAIL_POLL_INTERVAL": "0.25"}))
    assert (limits.request_max_events, limits.tail_poll_interval) == (5, 0.25)
    assert limits.event_max_bytes == Limits().event_max_bytes


def test_a_missing_setting_is_named_with_what_to_do() -> None:
    with pytest.raises(ImproperlyConfigured, match="SECRET_KEY is not set. Make one."):
        Env({}).required("SECRET_KEY", hint="Make one.")
