"""An installation of version 0.1 is carried over: its events stay, and its digests are salted or forgotten."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connections
from msgspec import structs
from pytest_django.plugin import DjangoDbBlocker

from events.errors import IdConflict, KeyReused, WrongExpectedVersion
from events.lists import reads as lists
from events.models import AppendKey, Event, Log, Member, NumberedType, Token
from events.reading.db_work import run
from events.sessions import direct_alias
from events.types import Appended
from eventsite import schema
from projections import registry
from projections.models import Checkpoint
from projections.states import current
from tests.support import version_0_1
from tests.support.commands import append, export_events
from tests.support.factories import make_append, make_log, make_name
from tests.support.running import settle
from tests.support.version_0_1 import HEADS, KEY_OF_REDACTED, LOGS, exported

KEPT = ("counts", "orders")
"""Materialised projections whose code is still that of version 0.1."""
NEW_FIELDS = ("salt", "digest", "key", "redaction")


@dataclass(frozen=True)
class Before:
    """What the database held before it was carried over."""

    states: set[tuple[Any, ...]]
    statistics: str


@pytest.fixture(scope="module")
def upgraded(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Before]:
    """The database of version 0.1, carried over as a server does it when it starts."""
    with django_db_blocker.unblock(), version_0_1.installed():
        _run("analyze")
        before = Before(states=_states(), statistics=_statistics())
        schema.migrate()
        yield before


@pytest.fixture
def shop(upgraded: Before, django_db_blocker: DjangoDbBlocker) -> Log:
    return Log.objects.get(name="shop")


def _run(sql: str, *parameters: str) -> list[tuple[Any, ...]]:
    with connections[direct_alias()].cursor() as cursor:
        cursor.execute(sql, parameters or None)
        return cursor.fetchall() if cursor.description else []


def _states() -> set[tuple[Any, ...]]:
    return set(_run("select log_id, projection, build, key, events, position, state from projection_state"))


def _statistics() -> str:
    return str(_run("select most_common_vals::text, histogram_bounds::text from pg_stats where schemaname = 'public'"))


def _export(log: Log, folder: Path) -> list[dict[str, Any]]:
    return version_0_1.parsed(export_events(log, folder / "after.jsonl"))


def _without(line: dict[str, Any], *names: str) -> dict[str, Any]:
    restore = {name: value for name, value in line["restore"].items() if name not in names}
    return line | {"restore": restore}


@pytest.mark.usefixtures("upgraded")
@pytest.mark.parametrize("name", LOGS)
def test_every_event_stays_as_it_was(name: str, tmp_path: Path) -> None:
    after = [_without(line, *NEW_FIELDS) for line in _export(Log.objects.get(name=name), tmp_path)]
    assert after == [_without(line, *NEW_FIELDS) | {"tags": []} for line in exported(name)]
    assert len(after) == HEADS[name]


@pytest.mark.usefixtures("upgraded")
@pytest.mark.parametrize("name", LOGS)
def test_a_digest_is_salted_or_forgotten_if_its_event_was_redacted(name: str, tmp_path: Path) -> None:
    after = _export(Log.objects.get(name=name), tmp_path)
    for new, old in zip(after, exported(name), strict=True):
        assert _digest(new["restore"]) == ({} if "redaction" in old["restore"] else _salted(new, old))
        assert new["restore"].get("redaction") == old["restore"].get("redaction"), "no salt, so no commitment"


@pytest.mark.usefixtures("upgraded")
@pytest.mark.parametrize("name", LOGS)
def test_a_key_is_salted_or_has_no_fingerprint_if_its_event_was_redacted(name: str, tmp_path: Path) -> None:
    for new, old in zip(_export(Log.objects.get(name=name), tmp_path), exported(name), strict=True):
        assert ("key" in new["restore"]) == ("key" in old["restore"])
        if "key" not in old["restore"]:
            continue
        after, before = new["restore"]["key"], old["restore"]["key"]
        facts = {"name": before["name"], "last_position": before["last_position"]}
        if before["name"] != KEY_OF_REDACTED:
            salt = after["salt"]
            facts |= {"salt": salt, "fingerprint": _hash(salt + before["fingerprint"])}
        assert after == facts


@pytest.mark.usefixtures("upgraded")
def test_each_event_and_key_has_a_salt_of_its_own() -> None:
    salts = [bytes(salt) for model in (Event, AppendKey) for (salt,) in model.objects.values_list("salt") if salt]
    assert len(set(salts)) == len(salts) > sum(HEADS.values())
    assert {len(salt) for salt in salts} == {16}


@pytest.mark.usefixtures("upgraded")
@pytest.mark.parametrize("name", LOGS)
def test_types_are_numbered_by_their_first_events(name: str) -> None:
    types = list(dict.fromkeys(line["type"] for line in exported(name)))
    numbers = NumberedType.objects.filter(log__name=name).values_list("number", "name")
    assert sorted(numbers) == list(enumerate(types, 1))


def test_statistics_hold_no_samples_of_states(upgraded: Before) -> None:
    assert "lost_updates" in upgraded.statistics
    assert "lost_updates" not in _statistics()
    _run("analyze")
    assert "lost_updates" not in _statistics()


def test_nothing_that_is_stored_holds_an_unsalted_digest(upgraded: Before) -> None:
    """Old versions of rows neither: the tables were written anew. Statistics neither."""
    hexes = [line["restore"]["digest"] for name in LOGS for line in exported(name)]
    hexes += [line["restore"]["key"]["fingerprint"] for name in LOGS for line in exported(name) if _key_of(line)]
    assert any(each in upgraded.statistics for each in hexes)
    after = _statistics()
    assert [each for each in hexes if each in after] == []
    _run("checkpoint")
    files = b"".join(_file(table) for table in ("event", "append_key"))
    salted = Event.objects.exclude(digest=None).values_list("digest", flat=True)
    assert all(bytes(digest) in files for digest in salted if digest), "a digest is found if it is there"
    assert [each for each in hexes if bytes.fromhex(each) in files] == []


@pytest.mark.parametrize("pin", ["4711", "0000"])
@pytest.mark.parametrize("name", LOGS)
@pytest.mark.parametrize("by", ["ids", "key"])
@pytest.mark.usefixtures("upgraded")
def test_a_retry_of_an_old_append_is_answered_as_one_whatever_was_redacted(by: str, name: str, pin: str) -> None:
    retries = version_0_1.appends(name, data={"pin": pin}, metadata={"pin": pin})
    places = {line["id"]: line for line in exported(name)}
    for retry in retries:
        first = places[retry.events[0].id]
        if by == "ids":
            sent = replace(retry, idempotency_key=None, fingerprint=None)
        elif retry.idempotency_key:
            sent = replace(retry, events=tuple(structs.replace(event, id=make_name("new")) for event in retry.events))
        else:
            continue
        ids = [event.id for event in retry.events]
        answer = Appended(retry.stream, ids, first["position"], first["version"], replayed=True)
        assert append(Log.objects.get(name=name), sent) == [answer]


def test_other_content_of_an_old_id_or_key_is_still_refused(shop: Log) -> None:
    by_id = make_append("order-1", {"id": "placed-1", "type": "order.placed", "data": b"{}"})
    by_key = make_append("order-1", {"type": "order.paid"}, idempotency_key="pay:order-1:1")
    beside_a_redacted_one = make_append(
        "secret-by-key", *({"type": "Charged", "data": b"{}"} for _ in range(3)), idempotency_key=KEY_OF_REDACTED
    )
    errors = [type(outcome) for outcome in append(shop, by_id, by_key, beside_a_redacted_one)]
    assert errors == [IdConflict, KeyReused, KeyReused]


def test_streams_and_workflows_are_listed_as_before(shop: Log) -> None:
    events = [line for line in exported("shop") if not line["stream"].startswith("eventsite-")]
    versions = {line["stream"]: (line["version"], line["position"]) for line in events}
    streams = lists.streams(shop.pk, limit=100).fetch()
    assert {each.name: (each.version, each.last_position) for each in streams} == versions
    counts = Counter(line["correlation_id"] for line in events if line["correlation_id"])
    workflows = lists.latest_workflows(shop.pk, limit=100).fetch()
    assert {each.correlation_id: each.events for each in workflows} == counts
    assert lists.behind(shop.pk).fetch() == [0]


@pytest.mark.usefixtures("upgraded")
def test_each_log_goes_on_from_its_head() -> None:
    assert {name: Log.objects.get(name=name).head for name in HEADS} == HEADS
    [outcome] = append(Log.objects.get(name="shop"), make_append("order-1", expected_version=99))
    assert isinstance(outcome, WrongExpectedVersion)
    assert outcome.fields["current_version"] == 4
    [outcome] = append(make_log(), make_append("order-1", {"id": "new", "tags": ["a"]}, expected_version=0))
    assert outcome == Appended("order-1", ["new"], 1, 1)


@pytest.mark.usefixtures("upgraded")
def test_people_and_tokens_stay() -> None:
    assert Member.objects.filter(user__username="ada", role="admin").count() == len(HEADS)
    assert Token.objects.values_list("log__name", "name", "agent", "scopes").get() == (
        "shop",
        "till",
        "cashier",
        ["append"],
    )


def test_states_stay_and_go_on_without_a_rebuild(upgraded: Before, shop: Log) -> None:
    settle(shop, *(registry.PROJECTIONS[name] for name in KEPT))
    builds = Checkpoint.objects.filter(projection__in=KEPT)
    assert set(builds.values_list("build", "is_live", "status")) == {(1, True, "running")}
    assert set(builds.filter(log=shop).values_list("position")) == {(HEADS["shop"],)}
    assert _states() == upgraded.states
    order = run(current.state(shop.pk, registry.PROJECTIONS["orders"], "order-1"))
    assert (order.events, order.position, order.stale) == (4, 17, None)


@pytest.mark.parametrize("table", ["event", "append_key", "redaction", "event_tag"])
@pytest.mark.parametrize("change", ["update {} set log_id = log_id", "delete from {}", "truncate {}"])
@pytest.mark.usefixtures("upgraded")
def test_a_change_is_refused_as_before(table: str, change: str) -> None:
    if table == "event_tag":
        append(make_log(), make_append("order-2", {"tags": ["a"]}))
    with pytest.raises(DatabaseError, match="the log is append-only"):
        _run(change.format(table))


def _key_of(line: dict[str, Any]) -> Any:
    return line["restore"].get("key")


def _digest(restore: dict[str, Any]) -> dict[str, Any]:
    return {name: restore[name] for name in ("salt", "digest") if name in restore}


def _salted(new: dict[str, Any], old: dict[str, Any]) -> dict[str, str]:
    salt = new["restore"]["salt"]
    return {"salt": salt, "digest": _hash(salt + old["restore"]["digest"])}


def _hash(hexadecimal: str) -> str:
    return sha256(bytes.fromhex(hexadecimal)).hexdigest()


def _file(table: str) -> bytes:
    [(content,)] = _run("select pg_read_binary_file(pg_relation_filepath(%s))", table)
    return bytes(content)
