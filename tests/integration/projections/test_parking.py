"""Many parked keys: they are grouped by the fault that stopped them, and go on together."""

from __future__ import annotations

from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from events.models import Log
from projections.definition.projection import Decoded, Projection
from projections.errors import NoSuchBuild
from projections.materialise import checkpoints, parked_keys
from projections.materialise.parked_keys import Selection
from projections.materialise.runner import Part, Runner
from projections.models import Policy
from tests.support.running import append, declare_only, declared, live, settle, states, until

FIXED: set[str] = set()


def fragile() -> Projection:
    """A projection that fails on two kinds of events, unless `FIXED` names them."""
    projection = Projection("fragile", about="For a test.", initial={"sum": 0}, materialised=True)

    @projection.on("Sum")
    def add(state: Any, happened: Decoded) -> Any:
        if happened.data.get("odd") and "odd" not in FIXED:
            raise ValueError(f"odd: {happened.position}")
        if happened.data.get("huge") and "huge" not in FIXED:
            return {"sum": Decimal("1E200000")}  # a larger number than jsonb holds
        return {"sum": state["sum"] + happened.data["amount"]}

    return projection


@pytest.fixture
def parked(log: Log, monkeypatch: pytest.MonkeyPatch) -> Projection:
    """Six keys of two events each: three odd ones, one without an amount, two sound ones."""
    FIXED.clear()
    projection = fragile()
    declare_only(monkeypatch, projection)
    append(log, [("s-0", {"type": "Other", "data": b"{}"})])
    settle(log, projection)
    checkpoints.set_policy(log.pk, "fragile", Policy.PARK)
    payloads = [b'{"odd": true, "amount": 1}'] * 3 + [b"{}"] + [b'{"amount": 1}'] * 2
    append(log, [(f"s-{n}", {"type": "Sum", "data": data}) for n, data in enumerate(payloads)])
    append(log, [(f"s-{n}", {"type": "Sum", "data": b'{"amount": 5}'}) for n in range(6)])
    settle(log, projection)
    return projection


def build(log: Log) -> tuple[int, str, int]:
    return log.pk, "fragile", live(log, "fragile").build


def sums(log: Log) -> dict[str, str]:
    return {key: state for key, (state, _, _) in states(log, "fragile").items()}


@pytest.mark.usefixtures("parked")
def test_keys_are_grouped_by_what_was_raised_where(log: Log) -> None:
    odd, without = parked_keys.faults(*build(log))
    assert (odd.kind, odd.keys, odd.first, odd.retried_count) == ("ValueError", 3, 2, 0)
    assert (without.kind, without.keys, without.first) == ("KeyError", 1, 5)
    assert odd.where.startswith("add, test_parking.py:")
    of_odd = parked_keys.parked(*build(log), selection=Selection(kind=odd.kind, place=odd.place), limit=2)
    assert [each.key for each in of_odd] == ["s-0", "s-1"]


def test_all_that_one_fault_stopped_are_tried_again_together(log: Log, parked: Projection) -> None:
    FIXED.add("odd")
    assert parked_keys.retry(*build(log), selection=Selection(kind="ValueError")) == 3
    settle(log, parked)
    assert [each.key for each in parked_keys.parked(*build(log))] == ["s-3"]
    assert sums(log) == {**dict.fromkeys(("s-0", "s-1", "s-2", "s-4", "s-5"), '{"sum":6}')}
    with pytest.raises(NoSuchBuild):
        parked_keys.retry(*build(log), selection=Selection(kind="ValueError"))


def test_the_events_of_all_are_skipped(log: Log, parked: Projection) -> None:
    assert parked_keys.skip(*build(log)) == 4
    settle(log, parked)
    assert parked_keys.faults(*build(log)) == []
    assert sums(log) == {f"s-{n}": '{"sum":5}' if n < 4 else '{"sum":6}' for n in range(6)}


def test_keys_of_a_paused_build_wait_without_keeping_the_runner_busy(log: Log, parked: Projection) -> None:
    checkpoints.pause(*build(log))
    parked_keys.retry(*build(log))
    runner = Runner(Part.LIVE, logs=[log.pk], projections=declared(parked))
    try:
        until(lambda: not runner.turn() and runner.holds(log.pk))
    finally:
        runner.close()
    assert {each.is_retried for each in parked_keys.parked(*build(log))} == {True}


def test_a_key_whose_state_can_not_be_written_is_parked_again(log: Log, parked: Projection) -> None:
    append(log, [("s-0", {"type": "Sum", "data": b'{"huge": true, "amount": 0}'})])
    settle(log, parked)
    FIXED.add("odd")
    parked_keys.retry(*build(log), selection=Selection("s-0"))
    settle(log, parked)
    [again] = parked_keys.parked(*build(log), selection=Selection("s-0"))
    assert (again.is_retried, "NumericValueOutOfRange" in again.error) == (False, True)


def command_output(*arguments: str) -> str:
    out = StringIO()
    call_command("parked_keys", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_lists_faults_and_leads_keys_on(log: Log, parked: Projection) -> None:
    output = command_output("--log", log.name)
    assert "fragile: ValueError in add, test_parking.py:" in output
    assert "    s-3 at event 5: KeyError: 'amount'" in output
    assert "the runner will retry 3 keys" in command_output(
        "fragile", "--log", log.name, "--error", "ValueError", "--retry"
    )
    assert "a retry of 3 is under way" in command_output("--log", log.name)
    assert "the runner will skip the events that parked 1 key" in command_output("fragile", "--log", log.name, "--skip")
    settle(log, parked)
    assert command_output("--log", log.name, "--retry") == "fragile: the runner will retry 3 keys.\n"
    with pytest.raises(CommandError, match="no states"):
        command_output("nope", "--log", log.name)
