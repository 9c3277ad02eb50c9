"""A command creates a log."""

from __future__ import annotations

from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from events.models import Log, Member, Role
from tests.support.factories import make_name


def create_log(name: str) -> str:
    out = StringIO()
    call_command("create_log", name, stdout=out)
    return out.getvalue()


def test_the_command_makes_a_log_which_superusers_administer(database: None) -> None:
    name = make_name("log")
    superuser = User.objects.create_superuser(make_name("root"))

    assert create_log(name) == f"Made the log {name}.\n"

    assert Member.objects.get(log__name=name, user=superuser).role == Role.ADMIN


def test_a_log_that_is_there_stays_as_it_is(log: Log) -> None:
    assert create_log(log.name) == f"The log {log.name} exists already.\n"

    assert Log.objects.filter(name=log.name).count() == 1


@pytest.mark.parametrize("name", ["", "Main", "a b", "x" * 64, "é"])
def test_a_bad_name_is_refused_and_what_a_name_is_said(database: None, name: str) -> None:
    with pytest.raises(CommandError, match=r"Use 1 to 63 of a-z, 0-9 and -\.|blank"):
        create_log(name)

    assert not Log.objects.filter(name=name).exists()
