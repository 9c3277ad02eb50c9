"""An export that version 0.1 wrote is restored: salts are made, and what a redaction forgets today is left out."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from events.models import Log
from events.types import Appended
from tests.support import version_0_1
from tests.support.commands import append, export_events, import_events
from tests.support.version_0_1 import KEY_OF_REDACTED, LOGS, REDACTED, exported


@pytest.fixture
def restored(log: Log) -> Log:
    import_events(log, version_0_1.export("shop"), restore=True)
    return log


def restore_fields(log: Log, folder: Path) -> list[dict[str, Any]]:
    return [line["restore"] for line in version_0_1.parsed(export_events(log, folder / "a.jsonl"))]


@pytest.mark.parametrize("name", LOGS)
def test_a_restored_log_is_restored_again_to_the_byte(
    name: str, log: Log, make_log: Callable[[], Log], tmp_path: Path
) -> None:
    import_events(log, version_0_1.export(name), restore=True)
    once = export_events(log, tmp_path / "once.jsonl")
    again = make_log()

    import_events(again, tmp_path / "once.jsonl", restore=True)

    assert export_events(again, tmp_path / "again.jsonl") == once
    assert [_public(line) for line in version_0_1.parsed(once)] == [_public(line) for line in exported(name)]


def test_digests_of_redacted_events_are_left_out_and_the_others_salted(restored: Log, tmp_path: Path) -> None:
    after = restore_fields(restored, tmp_path)

    assert [place for place, fields in enumerate(after, 1) if "digest" not in fields] == [*REDACTED]
    assert [place for place, fields in enumerate(after, 1) if "salt" not in fields] == [*REDACTED]
    for new, old in zip(after, exported("shop"), strict=True):
        if "digest" in new:
            assert new["digest"] == _salted(new["salt"], old["restore"]["digest"])


def test_a_key_of_a_redacted_event_has_no_fingerprint_and_the_others_a_salted_one(
    restored: Log, tmp_path: Path
) -> None:
    old = {
        line["restore"]["key"]["name"]: line["restore"]["key"] for line in exported("shop") if "key" in line["restore"]
    }
    new = {fields["key"]["name"]: fields["key"] for fields in restore_fields(restored, tmp_path) if "key" in fields}

    assert new.keys() == old.keys()
    assert [name for name, key in new.items() if key.keys() == {"name", "last_position"}] == [KEY_OF_REDACTED]
    for name in new.keys() - {KEY_OF_REDACTED}:
        assert new[name]["fingerprint"] == _salted(new[name]["salt"], old[name]["fingerprint"])


@pytest.mark.parametrize("pin", ["4711", "0000"])
def test_a_retry_of_an_old_append_is_answered_as_one_after_the_restore(restored: Log, pin: str) -> None:
    retries = version_0_1.appends("shop", data={"pin": pin}, metadata={"pin": pin})

    outcomes = append(restored, *retries)

    assert [isinstance(outcome, Appended) and outcome.replayed for outcome in outcomes] == [True] * len(retries)


def _public(line: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in line.items() if name not in ("restore", "tags")}


def _keys(fields: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {each["key"]["name"]: each["key"] for each in fields if "key" in each}


def _salted(salt: str, digest: str) -> str:
    return sha256(bytes.fromhex(salt + digest)).hexdigest()
