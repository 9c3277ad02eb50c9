"""Redaction is the one way in which an event changes; there is no other."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.management.base import CommandError
from django.db import DatabaseError, connection, transaction

from events import redaction
from events.commitment import commitment
from events.errors import IdConflict, Invalid, KeyReused, NoSuchEvent
from events.models import Event as EventRow
from events.models import Log, Redaction
from events.query.parse import parse
from events.reading import scan, store
from events.types import Appended, Event
from tests.support.commands import append, redact_event
from tests.support.factories import make_append

REFUSED = "the log is append-only"


def event(log: Log, position: int) -> Event:
    result = store.event(log.id, position).first()
    assert result
    return result


@pytest.fixture
def secret_log(log: Log) -> Log:
    """A log whose first event holds a secret, and whose second does not."""
    fields = {"agent": "picker", "correlation_id": "w", "causation_id": "c", "metadata": b'{"key": "secret"}'}
    secret = {"id": "one", "data": b'"secret"', "tags": ["vip", "eu"], **fields}
    append(log, make_append("order-1", secret), make_append("order-1"))
    return log


def run(sql: str, *parameters: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)


@contextmanager
def refused(message: str = REFUSED) -> Iterator[None]:
    with pytest.raises(DatabaseError, match=message):
        yield


def test_a_redacted_event_is_empty_and_otherwise_as_it_was(secret_log: Log) -> None:
    before = event(secret_log, 1)

    redaction.redact(secret_log.id, 1, reason="a password", by="ada")

    after = event(secret_log, 1)
    assert (after.data, after.metadata) == ("null", "{}")
    shared = [name for name in Event.__struct_fields__ if name not in ("data", "metadata")]
    assert [getattr(after, name) for name in shared] == [getattr(before, name) for name in shared]


def test_a_redacted_event_is_still_found_by_its_tags(secret_log: Log) -> None:
    redaction.redact(secret_log.id, 1, reason="a password", by="ada")
    [found] = scan.search_events(secret_log.id, parse("tag:eu"), limit=9).fetch().events
    assert (found.position, found.data, found.tags) == (1, "null", ["vip", "eu"])


def test_the_log_says_who_removed_what_and_why(secret_log: Log) -> None:
    redacted = redaction.redact(secret_log.id, 1, reason="a “password”", by="ada")

    marker = event(secret_log, 3)
    assert redacted == redaction.Redacted(marker_position=3, fresh=True)
    assert (marker.type, marker.stream, marker.agent) == ("event.redacted", "eventsite-redactions", "ada")
    assert (marker.causation_id, marker.correlation_id) == ("one", "w")
    assert json.loads(marker.data) == {
        "position": 1,
        "stream": "order-1",
        "version": 1,
        "id": "one",
        "reason": "a “password”",
        "by": "ada",
    }
    row = Redaction.objects.get(log_id=secret_log.id, position=1)
    assert (row.marker_position, row.redacted_by, row.reason) == (3, "ada", "a “password”")
    assert row.redacted_at == marker.recorded_at


def test_the_version_that_the_streams_agents_expect_does_not_move(secret_log: Log) -> None:
    redaction.redact(secret_log.id, 1, reason="r", by="ada")

    (outcome,) = append(secret_log, make_append("order-1", expected_version=2))

    assert isinstance(outcome, Appended)


@pytest.mark.parametrize("data", [b'"secret"', b'"another"', b"null"])
@pytest.mark.parametrize("key", ["k", None])
def test_a_retry_of_a_redacted_append_is_a_retry_whatever_its_data_says(log: Log, data: bytes, key: str | None) -> None:
    """Another answer would tell whoever asks whether a guess is right."""
    events: list[dict[str, Any]] = [{"id": "one", "data": b'"secret"'}, {"id": "two", "data": b"2"}]
    append(log, make_append("order-1", *events, idempotency_key="k"))
    redaction.redact(log.id, 1, reason="r", by="ada")

    (outcome,) = append(log, make_append("order-1", events[0] | {"data": data}, events[1], idempotency_key=key))

    assert outcome == Appended("order-1", ["one", "two"], 1, 1, replayed=True)


@pytest.mark.parametrize(
    "events",
    [
        [{"id": "one", "type": "Other"}, {"id": "two", "data": b"2"}],
        [{"id": "one"}, {"id": "two", "data": b"3"}],
        [{"id": "one"}],
        [{"id": "one"}, {"id": "two", "data": b"2"}, {"id": "three"}],
        [{"id": "two", "data": b"2"}, {"id": "one"}],
    ],
)
def test_what_is_left_of_a_redacted_append_is_still_compared(log: Log, events: list[dict[str, Any]]) -> None:
    append(log, make_append("order-1", {"id": "one"}, {"id": "two", "data": b"2"}, idempotency_key="k"))
    redaction.redact(log.id, 1, reason="r", by="ada")

    (by_key,) = append(log, make_append("order-1", *events, idempotency_key="k"))
    (in_another_stream,) = append(log, make_append("order-2", {"id": "one"}, {"id": "two"}))

    assert isinstance(by_key, KeyReused)
    assert isinstance(in_another_stream, IdConflict)


def test_the_commitment_outlives_the_salt(log: Log) -> None:
    texts = '{"key": "sécret \\u00e9"}', '{"n":1.50}'
    append(log, make_append("order-1", {"data": texts[0].encode(), "metadata": texts[1].encode()}))
    row = EventRow.objects.get(log=log, position=1)
    assert row.salt is not None

    redaction.redact(log.id, 1, reason="r", by="ada")

    assert Redaction.objects.get(log=log, position=1).commitment == commitment(bytes(row.salt), *texts)
    row = EventRow.objects.get(log=log, position=1)
    assert (row.salt, row.digest) == (None, None)


def test_redacting_twice_changes_nothing_and_points_to_the_first_time(secret_log: Log) -> None:
    redaction.redact(secret_log.id, 1, reason="first", by="ada")

    again = redaction.redact(secret_log.id, 1, reason="second", by="bob")

    assert again == redaction.Redacted(marker_position=3, fresh=False)
    assert store.head(secret_log.id).fetch() == [3]
    assert Redaction.objects.get(log_id=secret_log.id, position=1).reason == "first"


def test_the_record_of_a_redaction_can_not_be_redacted(secret_log: Log) -> None:
    redaction.redact(secret_log.id, 1, reason="r", by="ada")

    with pytest.raises(Invalid, match="it stays"):
        redaction.redact(secret_log.id, 3, reason="r", by="ada")

    assert store.head(secret_log.id).fetch() == [3]


def test_an_event_that_only_calls_itself_redacted_can_be(log: Log) -> None:
    append(log, make_append("order-1", {"type": "event.redacted", "data": b'"secret"'}))

    assert redaction.redact(log.id, 1, reason="r", by="ada").fresh


@pytest.mark.parametrize("position", [0, -1, 99, 2**62])
def test_an_event_that_is_not_there_is_not_redacted(secret_log: Log, position: int) -> None:
    with pytest.raises(NoSuchEvent):
        redaction.redact(secret_log.id, position, reason="r", by="ada")


@pytest.mark.parametrize(
    "words", [{"reason": ""}, {"by": ""}, {"reason": "a\nb"}, {"by": "\udcff"}, {"reason": "x" * 201}]
)
def test_a_redaction_needs_a_person_and_a_reason_of_one_line(secret_log: Log, words: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        redaction.redact(secret_log.id, 1, **{"reason": "r", "by": "ada", **words})

    assert event(secret_log, 1).data == '"secret"'


def test_the_same_position_of_another_log_is_untouched(secret_log: Log, make_log: Callable[[], Log]) -> None:
    other = make_log()
    append(other, make_append("order-1", {"data": b'"mine"'}))

    redaction.redact(secret_log.id, 1, reason="r", by="ada")

    assert event(other, 1).data == '"mine"'


CHANGES = {
    "update": "update event set data = 'null', metadata = '{}' where log_id = %s and position = 1",
    "delete": "delete from event where log_id = %s and position = 1",
}


@pytest.mark.parametrize("redacted", [False, True], ids=["as sent", "redacted"])
@pytest.mark.parametrize("change", CHANGES)
def test_a_plain_change_is_refused(secret_log: Log, change: str, redacted: bool) -> None:
    if redacted:
        redaction.redact(secret_log.id, 1, reason="r", by="ada")

    with refused():
        run(CHANGES[change], secret_log.id)


@pytest.mark.parametrize("table", ["event", "event_tag", "redaction", "append_key", "log_head"])
def test_truncating_is_refused(database: None, table: str) -> None:
    with refused():
        run(f"truncate {table}")


@pytest.mark.parametrize("change", [*CHANGES.values(), "truncate event /* %s */"])
def test_a_change_is_refused_on_a_replica_too(secret_log: Log, change: str) -> None:
    with transaction.atomic():
        run("set local session_replication_role = replica")
        with refused(), transaction.atomic():
            run(change, secret_log.id)


@pytest.mark.parametrize(
    "column",
    [
        "digest = sha256('')",
        "salt = sha256('')",
        "tags = '{a}'",
        "id = 'other'",
        "stream = 'other'",
        "agent = 'other'",
        "agent = null",
        "version = 9",
        "position = 9",
        "recorded_at = now()",
        "type = 'other'",
        "correlation_id = null",
        "data = '1'",
        "metadata = '[]'",
    ],
)
def test_nothing_else_changes_along_with_a_redaction(secret_log: Log, column: str) -> None:
    with refused(), transaction.atomic():
        redaction.redact(secret_log.id, 1, reason="r", by="ada")
        run(f"update event set {column} where log_id = %s and position = 1", secret_log.id)

    assert event(secret_log, 1).data == '"secret"'


def test_a_redaction_opens_no_other_event(secret_log: Log) -> None:
    with refused(), transaction.atomic():
        redaction.redact(secret_log.id, 1, reason="r", by="ada")
        run("update event set data = 'null', metadata = '{}' where log_id = %s and position = 2", secret_log.id)


def test_a_redaction_without_its_event_is_refused(secret_log: Log) -> None:
    with refused("needs its event.redacted"):
        run(
            "insert into redaction (log_id, position, marker_position, redacted_at, redacted_by, reason)"
            " values (%s, 1, 2, now(), 'me', 'r')",
            secret_log.id,
        )


@pytest.mark.parametrize("change", ["update redaction set reason = 'other'", "delete from redaction"])
def test_the_record_of_a_redaction_does_not_change(secret_log: Log, change: str) -> None:
    redaction.redact(secret_log.id, 1, reason="r", by="ada")

    with refused():
        run(f"{change} where log_id = %s", secret_log.id)


def test_the_command_redacts_and_says_where_it_is_recorded(secret_log: Log) -> None:
    output = redact_event(secret_log, 1)

    assert output == f"Redacted event 1 of {secret_log.name}; the event.redacted is at 3.\n"
    assert "was redacted before; see event 3" in redact_event(secret_log, 1)


def test_the_command_names_what_is_missing(log: Log) -> None:
    with pytest.raises(CommandError, match="There is no event at position 7"):
        redact_event(log, 7)
    with pytest.raises(CommandError, match="There is no log 'nowhere'"):
        redact_event(Log(name="nowhere"), 1)


def test_the_command_has_old_rows_and_their_samples_dropped(secret_log: Log) -> None:
    def counts() -> list[tuple[int, int]]:
        with connection.cursor() as cursor:
            cursor.execute(
                "select vacuum_count, analyze_count from pg_stat_all_tables"
                " where relname in ('event', 'append_key', 'failed_attempt', 'dead_letter') order by relname"
            )
            return [(vacuums, analyzes) for vacuums, analyzes in cursor.fetchall()]

    before = counts()
    redact_event(secret_log, 1)

    assert counts() == [(vacuums + 1, analyzes + 1) for vacuums, analyzes in before]
