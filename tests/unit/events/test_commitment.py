"""A commitment and a leaf have one form for ever: other programs must find the same bytes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from msgspec.structs import replace

from events.commitment import SALT_BYTES, commitment, leaf, new_salts, salted
from events.types import Event

SALT = bytes(range(SALT_BYTES))
AT = datetime(2026, 1, 31, 12, 0, 0, 123456, UTC)
PLAIN = Event(1, "order-1", 1, "a", "Placed", "{}", "{}", None, 1, None, None, None, AT)
FULL = Event(
    position=2**40,
    stream="order-42/é",
    version=3,
    id="0190a3b2-0000-7000-8000-000000000000",
    type="Placed",
    data='{"n":1.50}',
    metadata='{"a":1}',
    agent="picker 😀",
    schema_version=2,
    correlation_id="run-7",
    causation_id="b",
    occurred_at=datetime(1969, 12, 31, 23, 59, 59, 999999, UTC),
    recorded_at=AT,
    expected_version=-1,
    read_position=0,
    tags=["vip", "eu"],
)


def test_salts_are_new_each_time() -> None:
    salts = [*new_salts(100), *new_salts(100)]
    assert {len(salt) for salt in salts} == {SALT_BYTES}
    assert len(set(salts)) == 200
    assert new_salts(0) == []


def test_a_commitment_covers_the_texts_as_they_are_stored() -> None:
    assert commitment(SALT, '{"n":1.50}', "{}").hex() == (
        "656d04c8085e5d1fff375a1c27e6cd894c3fd0fb9685c9f94f34d7b1705fdb7a"
    )
    texts = [('{"n":1.5}', "{}"), ('{"n":1.50}', "{ }"), ('{"n":1.50}{', "}"), ("", '{"n":1.50}{}')]
    assert len({commitment(SALT, *pair) for pair in [*texts, ('{"n":1.50}', "{}")]}) == 5
    assert commitment(bytes(SALT_BYTES), '{"n":1.50}', "{}") != commitment(SALT, '{"n":1.50}', "{}")


def test_a_salted_digest_is_the_hash_of_both() -> None:
    digest = sha256(b"content").digest()
    assert salted(SALT, digest) == sha256(SALT + digest).digest()


def test_a_leaf_has_every_field_in_clear_and_the_commitment() -> None:
    assert leaf(PLAIN, bytes(32)).hex() == (
        "6576656e7473697465206576656e7420310a000000000000000100000000000000076f726465722d31000000000000000100"
        "00000000000001610000000000000006506c61636564000000000000000100000000000649add44b12400000000000000000"
        "0000010000000000000000000000000000000000000000000000000000000000000000"
    )
    assert (
        sha256(leaf(FULL, bytes(32))).hexdigest() == "74130722293a3797cb83338d4f3a5efd8c22fe3b224444a61280f28240f16bad"
    )


def test_a_leaf_says_that_a_commitment_is_missing() -> None:
    assert leaf(PLAIN, None)[-1:] == b"\x00"
    assert leaf(PLAIN, bytes(32))[-33:] == b"\x01" + bytes(32)


@pytest.mark.parametrize(
    "change",
    [
        {"position": 2},
        {"stream": "order-2"},
        {"version": 2},
        {"id": "b"},
        {"type": "Moved"},
        {"schema_version": 2},
        {"agent": "a"},
        {"correlation_id": "a"},
        {"causation_id": "a"},
        {"occurred_at": AT},
        {"recorded_at": AT + timedelta(microseconds=1)},
        {"expected_version": 0},
        {"expected_version": -1},
        {"read_position": 0},
        {"tags": ["a"]},
        {"tags": ["a", "b"]},
        {"tags": ["ab"]},
        {"stream": "order-1\x00"},
    ],
    ids=str,
)
def test_any_other_envelope_has_another_leaf(change: dict[str, object]) -> None:
    assert leaf(replace(PLAIN, **change), None) != leaf(PLAIN, None)


def test_a_leaf_does_not_hold_the_texts() -> None:
    """So it is the same before and after a redaction."""
    assert leaf(replace(PLAIN, data='"secret"', metadata='{"b":2}'), bytes(32)) == leaf(PLAIN, bytes(32))
