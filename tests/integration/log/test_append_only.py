"""The database itself refuses to change the past, whoever is connected and in whatever way."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection
from django.db.models import F
from django.utils import timezone

from events.models import AppendKey, Event, EventTag, Log, LogHead, Redaction
from tests.support.factories import make_append
from tests.support.fixture_types import AppendTo

CHANGES = [
    "update event set data = '1' where log_id = %(log)s",
    "update event set data = 'null', metadata = '{}' where log_id = %(log)s",
    "update event set type = type where log_id = %(log)s",
    "update event set position = position + 100 where log_id = %(log)s",
    "update event set log_id = -1 where log_id = %(log)s",
    "delete from event where log_id = %(log)s",
    "truncate event",
    "truncate event, append_key, redaction, log_head, log cascade",
    "update append_key set fingerprint = '' where log_id = %(log)s",
    "update append_key set salt = null, fingerprint = null where log_id = %(log)s",
    "update event_tag set tag = 'b' where log_id = %(log)s",
    "delete from event_tag where log_id = %(log)s",
    "truncate event_tag",
    "delete from append_key where log_id = %(log)s",
    "truncate append_key",
    "update log_head set head = head - 1 where log_id = %(log)s",
    "update log_head set head = 0 where log_id = %(log)s",
    "update log_head set head_at = head_at - interval '1 s' where log_id = %(log)s",
    "update log_head set head_at = null where log_id = %(log)s",
    "update log_head set log_id = -1 where log_id = %(log)s",
    "delete from log_head where log_id = %(log)s",
    "truncate log_head",
    "update log set id = -1 where id = %(log)s",
    "delete from log where id = %(log)s",
    "truncate log cascade",
    "insert into redaction (log_id, position, marker_position, redacted_at, redacted_by, reason)"
    " values (%(log)s, 1, 1, now(), 'me', 'why')",
    "insert into redaction (log_id, position, marker_position, redacted_at, redacted_by, reason)"
    " values (%(log)s, 1, 99, now(), 'me', 'why')",
    "insert into event select (e).* from event e where log_id = %(log)s",
]


@pytest.fixture
async def written(append: AppendTo) -> None:
    events: list[dict[str, Any]] = [{"data": b'{"secret":1}', "tags": ["a"]}, {"type": "event.redacted"}]
    await append(make_append("a-1", *events, idempotency_key="k"))


def state(log: Log) -> list[object]:
    rows = [list(model.objects.filter(log=log).order_by("pk").values_list()) for model in (Event, AppendKey, EventTag)]
    return [
        *rows,
        LogHead.objects.filter(log=log).values_list().get(),
        Log.objects.filter(pk=log.pk).values_list().get(),
    ]


@pytest.mark.parametrize("role", ["origin", "replica"])
@pytest.mark.usefixtures("written")
def test_no_statement_changes_what_was_written(log: Log, role: str) -> None:
    """The tests' user is a superuser.

    In a session that acts as a replica, ordinary triggers and foreign keys are off.
    """
    before = state(log)
    with connection.cursor() as cursor:
        cursor.execute("select usesuper from pg_user where usename = current_user")
        assert cursor.fetchone() == (True,)
        cursor.execute(f"set session_replication_role = {role}")
        for change in CHANGES:
            with pytest.raises(DatabaseError):
                cursor.execute(change, {"log": log.pk})
        cursor.execute("reset session_replication_role")
    assert state(log) == before


@pytest.mark.usefixtures("written")
def test_no_query_changes_what_was_written(log: Log) -> None:
    before = state(log)
    for change in (
        lambda: Event.objects.filter(log=log).update(type="Other"),
        lambda: Event.objects.filter(log=log).delete(),
        lambda: LogHead.objects.filter(log=log).update(head=F("head") - 1),
        lambda: AppendKey.objects.filter(log=log).delete(),
    ):
        with pytest.raises(IntegrityError):
            change()
    assert state(log) == before


def test_an_empty_log_may_be_deleted(log: Log) -> None:
    log.delete()
    assert not Log.objects.filter(pk=log.pk).exists()


@pytest.mark.usefixtures("written")
def test_a_log_may_be_renamed(log: Log) -> None:
    log.refresh_from_db()
    log.name = f"{log.name[:50]}-renamed"
    log.save()
    assert Log.objects.get(pk=log.pk).head == 2


@pytest.mark.usefixtures("written")
def test_a_stale_log_object_does_not_move_the_head_back(log: Log) -> None:
    log.save()
    assert Log.objects.get(pk=log.pk).head == 2
    with pytest.raises(IntegrityError):
        LogHead(log=log, head=1).save()


@pytest.mark.usefixtures("written")
def test_an_event_is_emptied_only_in_the_transaction_that_records_why(log: Log) -> None:
    update = "update event set {} where log_id = %s and position = 1"
    empty = "data = 'null', metadata = '{}', salt = null, digest = null"
    with connection.cursor() as cursor:
        cursor.execute("begin")
        Redaction.objects.create(
            log=log, position=1, marker_position=2, redacted_at=timezone.now(), redacted_by="ada", reason="a secret"
        )
        cursor.execute("savepoint before")
        with pytest.raises(IntegrityError):  # its digest would stay
            cursor.execute(update.format("data = 'null', metadata = '{}'"), [log.pk])
        cursor.execute("rollback to before")
        cursor.execute(update.format(empty), [log.pk])
        cursor.execute("commit")
        for change in ("data = '1'", f"{empty}, type = 'x'", f"{empty}, tags = '{{a}}'", empty):
            with pytest.raises(IntegrityError):
                cursor.execute(update.format(change), [log.pk])
        for change in ("update redaction set reason = ''", "delete from redaction", "truncate redaction"):
            with pytest.raises(IntegrityError):
                cursor.execute(change)
    event = Event.objects.get(log=log, position=1)
    assert (event.data, event.metadata, event.salt, event.digest) == ("null", "{}", None, None)


def test_a_digest_has_thirty_two_bytes_and_a_log_a_plain_name(log: Log) -> None:
    with pytest.raises(IntegrityError), connection.cursor() as cursor:
        cursor.execute(
            "insert into event (log_id, position, stream, version, id, type, data, metadata, digest, schema_version,"
            " recorded_at) values (%s, 1, 's', 1, 'i', 't', '1', '{}', '', 1, now())",
            [log.pk],
        )
    for name in ("", "A", "a b", "a" * 64, "a\n"):
        with pytest.raises(IntegrityError):
            Log.objects.create(name=name)
