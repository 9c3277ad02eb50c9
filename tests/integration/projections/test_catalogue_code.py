"""When only the code of the catalogue has changed, its projections are rebuilt beside the live builds by themselves."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command

from events.models import Log
from projections import Projection, registry
from projections.catalog.machine import machine
from projections.catalog.moves import Move
from projections.definition.fingerprint import fingerprint, own_fingerprint
from projections.materialise.runner import Part
from projections.models import Checkpoint
from tests.support.folds import some_event
from tests.support.running import append, declare_only, live, settle, states, totals

OTHER_CODE = "0" * 64


def payments(**declared: Any) -> Projection:
    moves = {"A": Move("Pending", ("Idle",)), "B": Move("Paid", ("Pending",))}
    return machine("payments", about="For a test.", moves=moves, materialised=True, **declared)


def builds(log: Log, name: str) -> list[tuple[int, bool, str]]:
    rows = Checkpoint.objects.filter(log=log, projection=name).exclude(status="retired").order_by("build")
    return list(rows.values_list("build", "is_live", "fingerprint"))


@pytest.fixture
def built(log: Log, monkeypatch: pytest.MonkeyPatch) -> Projection:
    """A projection that was built by other code than the code that runs."""
    projection = payments()
    declare_only(monkeypatch, projection)
    append(log, [("payment-1", some_event(n)) for n in range(9)])
    settle(log, projection)
    Checkpoint.objects.filter(log=log).update(fingerprint=OTHER_CODE)
    return projection


def test_other_code_of_the_catalogue_begins_a_build_beside_that_takes_over(log: Log, built: Projection) -> None:
    before = states(log, "payments")
    settle(log, built)
    assert builds(log, "payments") == [(1, True, OTHER_CODE), (2, False, fingerprint(built))]
    settle(log, built)
    settle(log, built, part=Part.BESIDE)
    assert builds(log, "payments") == [(2, True, fingerprint(built))]
    assert (live(log, "payments").state, states(log, "payments")) == ("live", before)


def test_other_code_of_ones_own_stands_still_until_it_is_rebuilt(log: Log, built: Projection) -> None:
    Checkpoint.objects.filter(log=log).update(own_fingerprint=OTHER_CODE)
    settle(log, built)
    assert builds(log, "payments") == [(1, True, OTHER_CODE)]
    assert live(log, "payments").state == "code changed"


def test_a_build_without_a_note_counts_as_one_of_a_changed_catalogue(log: Log, built: Projection) -> None:
    Checkpoint.objects.filter(log=log).update(own_fingerprint=None)
    settle(log, built)
    assert [build for build, _, _ in builds(log, "payments")] == [1, 2]


def test_a_projection_without_code_of_the_catalogue_stands_still(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    projection = totals()
    declare_only(monkeypatch, projection)
    assert own_fingerprint(projection) == fingerprint(projection)
    append(log, [("order-1", some_event(1))])
    settle(log, projection)
    Checkpoint.objects.filter(log=log).update(fingerprint=OTHER_CODE, own_fingerprint=None)
    settle(log, projection)
    assert builds(log, "totals") == [(1, True, OTHER_CODE)]


def test_bringing_the_database_up_to_date_notes_what_made_a_build(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    projection = payments()
    monkeypatch.setitem(registry.PROJECTIONS, projection.name, projection)
    settle(log, projection)
    checkpoint = Checkpoint.objects.filter(log=log)
    checkpoint.update(own_fingerprint=None)
    call_command("migrate", verbosity=0)
    assert checkpoint.values_list("own_fingerprint", flat=True).get() == own_fingerprint(projection)
