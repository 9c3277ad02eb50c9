"""Commands let people into a log."""

from __future__ import annotations

import uuid

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from events.models import Log, Member, Role


def test_add_member_makes_the_user_and_the_membership(log: Log, capsys: pytest.CaptureFixture[str]) -> None:
    name = f"ann-{uuid.uuid4().hex}"
    call_command("add_member", log=log.name, user=name)
    member = Member.objects.get(log=log, user__username=name)
    assert member.role == Role.VIEWER
    assert not User.objects.get(username=name).has_usable_password()
    assert f"sign_in_link --user {name}" in capsys.readouterr().out


def test_add_member_changes_the_role_of_a_member(member: Member, log: Log) -> None:
    call_command("add_member", log=log.name, user=member.user.get_username(), role="operator")
    member.refresh_from_db()
    assert member.role == Role.OPERATOR


def test_add_member_names_the_log_that_is_not_there(database: None) -> None:
    with pytest.raises(CommandError, match="There is no log 'nowhere'"):
        call_command("add_member", log="nowhere", user="ann")
