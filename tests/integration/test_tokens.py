"""A command creates tokens; each is shown once and stored as a hash."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils import timezone

from events.models import Log, Member, Role, Token
from tests.support.factories import make_name


def create(**options: Any) -> str:
    out = StringIO()
    call_command(
        "create_token", stdout=out, stderr=StringIO(), **{"name": "router", "scopes": "append,read", **options}
    )
    return out.getvalue()


def printed_token(printed: str) -> Token:
    return Token.objects.get(hash=hashlib.sha256(printed.strip().encode()).digest())


def test_the_command_prints_only_the_token(log: Log) -> None:
    printed = create(log=log.name)
    assert printed.startswith("evt_")
    assert printed.count("\n") == 1
    assert len(printed.strip()) == len("evt_") + 43
    token = printed_token(printed)
    assert (token.log, token.name, token.scopes) == (log, "router", ["append", "read"])
    assert (token.stream_prefix, token.agent, token.expires_at) == ("", None, None)


def test_the_command_takes_a_prefix_an_agent_and_an_end(log: Log) -> None:
    token = printed_token(create(log=log.name, stream_prefix="order-", agent="router", expires_in_days=7))
    assert (token.stream_prefix, token.agent) == ("order-", "router")
    assert token.expires_at
    assert timedelta(days=6) < token.expires_at - timezone.now() <= timedelta(days=7)


def test_the_command_makes_a_missing_log_which_superusers_administer(database: None) -> None:
    name = make_name("new")
    superuser = User.objects.create_superuser(make_name("root"))
    create(log=name)
    create(log=name)
    log = Log.objects.get(name=name)
    assert Member.objects.get(log=log, user=superuser).role == Role.ADMIN
    superuser.delete()


@pytest.mark.parametrize("name", ["Main", "a b", "", "x" * 64, "a/b"])
def test_a_log_of_a_bad_name_is_refused(database: None, name: str) -> None:
    with pytest.raises(CommandError, match="--log"):
        create(log=name)
    assert not Log.objects.filter(name=name).exists()


@pytest.mark.parametrize("prefix", ["eventsite-", "eventsite-redactions"])
def test_no_token_is_made_for_streams_of_the_server(database: None, prefix: str) -> None:
    name = make_name("new")
    with pytest.raises(CommandError, match="--stream-prefix: .*belong to the server"):
        create(log=name, stream_prefix=prefix)
    assert not Log.objects.filter(name=name).exists()


def test_a_prefix_that_other_streams_have_too_is_taken(log: Log) -> None:
    assert printed_token(create(log=log.name, stream_prefix="eventsite")).stream_prefix == "eventsite"


def test_an_unknown_scope_is_refused(log: Log) -> None:
    with pytest.raises(CommandError, match="append, read, consume, supervise, admin"):
        create(log=log.name, scopes="append,write")
