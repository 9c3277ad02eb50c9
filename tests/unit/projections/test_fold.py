"""Folding: pure, resumable, and stopped by a reducer that raises."""

from __future__ import annotations

from copy import deepcopy
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.query import tree
from events.query.match import event_matcher
from projections.definition.fold import ReducerFailed, fold, reads
from projections.definition.projection import AGENT, LOG, WORKFLOW, Decoded, Key, Projection, decode
from projections.registry import PROJECTIONS
from projections.testing import event
from projections.values.change import Json
from tests.support.decoded import happened
from tests.support.json_values import VALUES

LATEST = PROJECTIONS["latest"]
histories = st.lists(VALUES, max_size=6).map(
    lambda values: [happened("T", value, version=n) for n, value in enumerate(values, 1)]
)


def _no_twos(state: Json, event: Decoded) -> Any:
    if event.data == 2:
        raise ValueError("no twos")
    return event.data


NO_TWOS = Projection("no-twos", about="")
NO_TWOS.on("*")(_no_twos)


@pytest.mark.parametrize("name", PROJECTIONS)
@given(history=histories, cut=st.integers(0, 6))
def test_folding_in_parts_equals_folding_at_once(name: str, history: list[Decoded], cut: int) -> None:
    projection = PROJECTIONS[name]
    parts = fold(projection, history[cut:], fold(projection, history[:cut], projection.initial))
    assert parts == fold(projection, history, projection.initial)


@pytest.mark.parametrize("name", PROJECTIONS)
@given(history=histories)
def test_a_reducer_leaves_the_state_that_it_is_given_alone(name: str, history: list[Decoded]) -> None:
    state = PROJECTIONS[name].initial
    for each in history:
        copy_of_state = deepcopy(state)
        after = PROJECTIONS[name].reduce(state, each)
        assert state == copy_of_state
        state = after


def test_latest_merges_objects_key_by_key() -> None:
    history = [happened("T", {"a": 1, "b": {"x": 1}}), happened("T", {"b": {"y": 2}}), happened("T", {"a": None})]
    assert fold(LATEST, history, LATEST.initial) == {"a": None, "b": {"y": 2}}


@pytest.mark.parametrize("data", ["text", 5, None, [1, 2]])
def test_latest_keeps_data_that_is_no_object_as_value(data: Json) -> None:
    assert fold(LATEST, [happened("T", {"a": 1}), happened("T", data)], LATEST.initial) == {"a": 1, "value": data}


def test_a_reducer_that_raises_stops_the_fold_and_keeps_the_last_good_state() -> None:
    with pytest.raises(ReducerFailed, match="ValueError: no twos") as failed:
        fold(NO_TWOS, [happened("T", n, version=n) for n in (1, 2, 3)], None)
    assert (failed.value.at.event.version, failed.value.state) == (2, 1)


def handling(*types: str, query: str = "") -> Projection:
    """A projection that lists the types that it has folded."""
    projection = Projection("seen", about="", initial=[], query=query)
    projection.on(*types)(lambda state, happened: [*state, happened.type])
    return projection


@pytest.mark.parametrize(
    ("types", "query", "expected"),
    [
        (("OrderPlaced",), "", ["OrderPlaced"]),
        (("Order*",), "", ["OrderPlaced", "OrderPaid"]),
        (("*",), "", ["OrderPlaced", "OrderPaid", "Paid*"]),
        (("*",), "-type:OrderPaid", ["OrderPlaced", "Paid*"]),
        (("Order*",), "data.n>1", ["OrderPaid"]),
        (("Order*", "Nope"), "agent:a OR data.n:1", ["OrderPlaced"]),
        ((), "", []),
    ],
)
def test_a_projection_folds_what_it_reads_and_its_query_finds_the_same(
    types: tuple[str, ...], query: str, expected: list[str]
) -> None:
    projection = handling(*types, query=query)
    events = [event(type, {"n": n}, version=n) for n, type in enumerate(("OrderPlaced", "OrderPaid", "Paid*"), start=1)]
    assert fold(projection, map(Decoded, events), []) == expected
    assert [each.type for each in events if projection.reads(each)] == expected
    assert [each.type for each in events if event_matcher(reads(projection))(each)] == expected


def test_the_types_of_a_projection_are_a_query_for_the_store() -> None:
    query = tree.any_of([tree.Named(tree.Name.TYPE, tree.Pattern(("Order", ""))), query_of_type("Paid")])
    assert reads(handling("Order*", "Paid")) == query
    assert reads(handling("*")) == tree.EVERYTHING
    assert reads(handling("Paid", query="agent:a")) == tree.And(
        (query_of_type("Paid"), tree.Named(tree.Name.AGENT, tree.Pattern(("a",))))
    )


def query_of_type(type: str) -> tree.Query:
    return tree.Named(tree.Name.TYPE, tree.Pattern((type,)))


def test_an_exact_name_goes_before_a_prefix_and_a_longer_prefix_before_a_shorter() -> None:
    projection = Projection("which", about="")
    for name in ("*", "Order*", "OrderP*", "OrderPaid"):
        projection.on(name)(lambda state, happened, name=name: name)  # type: ignore[misc]
    which = [fold(projection, [happened(type)], None) for type in ("Other", "OrderX", "OrderPlaced", "OrderPaid")]
    assert which == ["*", "Order*", "OrderP*", "OrderPaid"]


def test_a_handler_that_is_declared_later_counts_for_types_seen_before() -> None:
    projection = handling("Order*")
    assert fold(projection, [happened("OrderPaid")], []) == ["OrderPaid"]
    projection.on("OrderPaid")(lambda state, happened: "exact")
    assert fold(projection, [happened("OrderPaid")], []) == "exact"


def test_data_is_not_read_for_a_handler_that_does_not_ask() -> None:
    broken = event("T")
    count = Projection("count", about="")
    count.on("*")(lambda state, happened: state + 1)
    no_json = type(broken)(**{name: getattr(broken, name) for name in broken.__struct_fields__} | {"data": "no JSON"})
    assert fold(count, [Decoded(no_json)], 0) == 1


def test_a_handler_sees_the_tags_of_an_event() -> None:
    last_tags = Projection("last-tags", about="")
    last_tags.on("*")(lambda state, happened: list(happened.tags))
    assert fold(last_tags, [decode(event("T", tags=["vip", "eu"]))], None) == ["vip", "eu"]
    assert fold(last_tags, [decode(event("T"))], None) == []


def test_numbers_reach_a_handler_with_every_digit() -> None:
    numbers = happened("T", [Decimal("1.50"), 2**80]).data
    assert (str(numbers[0]), numbers[1]) == ("1.50", 2**80)


def test_an_event_without_data_that_a_handler_cannot_read_is_passed_over() -> None:
    def add(state: Any, added: Decoded) -> Any:
        return {"sum": state["sum"] + added.data["n"]}

    sums = Projection("sums", about="", initial={"sum": 0})
    sums.on("*")(add)
    redacted = event("T", None, version=2)
    history = [event("T", {"n": 1}), redacted, event("T", {"n": 2}, version=3)]
    assert fold(sums, map(decode, history), sums.initial) == {"sum": 3}
    assert sums.reduce({"sum": 1}, decode(redacted)) == {"sum": 1}
    with pytest.raises(ReducerFailed):
        fold(sums, [decode(event("T", {}))], sums.initial)
    with pytest.raises(KeyError):
        sums.reduce({"sum": 1}, decode(event("T", {})))


@pytest.mark.parametrize(
    ("types", "fields", "answers"),
    [
        ("*", {"key": AGENT}, [False, False]),
        ("*", {"key": LOG}, [False, False]),
        ("*", {"key": Key("mine", lambda happened: "x")}, [False, False]),
        ("event.*", {"key": LOG}, [False, False]),
        ("event.redacted", {"key": LOG}, [True, False]),
        ("event.redacted", {"key": WORKFLOW}, [False, False]),
        ("*", {"key": WORKFLOW, "query": "system:true"}, [False, False]),
        ("*", {}, [True, True]),
        ("*", {"key": LOG, "query": "system:true"}, [True, True]),
        ("*", {"key": LOG, "query": "system:false"}, [False, False]),
        ("*", {"key": LOG, "query": "stream:eventsite-redactions"}, [True, False]),
        ("*", {"key": LOG, "query": "stream:eventsite-* OR type:A"}, [True, True]),
        ("*", {"key": LOG, "query": "category:eventsite"}, [True, True]),
        ("*", {"key": LOG, "query": "stream:order-* OR type:lease.taken"}, [False, False]),
    ],
)
def test_system_events_are_read_by_whom_they_are_asked_for(
    types: str, fields: dict[str, Any], answers: list[bool]
) -> None:
    projection = Projection("p", about="", **fields)
    projection.on(types)(lambda state, happened: [*state, happened.position])
    events = [
        happened("event.redacted", version=1, stream="eventsite-redactions", correlation_id="w"),
        happened("lease.taken", version=2, stream="eventsite-leases", correlation_id="w"),
    ]
    assert [projection.reads(each.event) for each in events] == answers
    expected = [each.position for each, is_read in zip(events, answers, strict=True) if is_read]
    assert fold(projection, events, []) == expected


def test_an_event_of_any_other_stream_is_read() -> None:
    projection = Projection("p", about="", key=WORKFLOW)
    projection.on("*")(lambda state, happened: state)
    for stream in ("eventsite", "eventsite2-x", "Eventsite-a"):
        assert projection.reads(event("event.redacted", stream=stream))
