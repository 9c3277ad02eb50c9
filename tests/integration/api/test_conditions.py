"""Conditions of appends over HTTP: `if` beside `events`, beside `appends`, in lines and in CloudEvents."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from events.api.guard_schemas import MAX_CONDITIONS
from events.engine import Engine
from events.models import Log, Scope
from tests.support.api import NDJSON, append, cloud_event, head, line, write

EVENT = {"type": "Placed", "data": {}}
NO_MOVE = {"q": "type:Moved", "none_after": 0}


@pytest.fixture
async def moved(engine: Engine, log: Log) -> None:
    """One event, at position 1, of the type that the conditions forbid."""
    await write(log, {"id": "m-1", "type": "Moved", "data": b'{"secret": "1234"}'}, stream="box-1")


@pytest.fixture
def appending_token(make_token: Callable[..., str]) -> str:
    return make_token(Scope.APPEND)


@pytest.fixture
def admin_token(make_token: Callable[..., str]) -> str:
    return make_token(Scope.ADMIN)


@pytest.fixture
def orders_token(make_token: Callable[..., str]) -> str:
    return make_token(stream_prefix="order-")


async def append_if(api: httpx2.AsyncClient, conditions: Any) -> httpx2.Response:
    """Append one event to order-1 under some conditions."""
    body: dict[str, Any] = {"events": [EVENT], "if": conditions}
    return await append(api, **body)


async def post(api: httpx2.AsyncClient, body: Any) -> httpx2.Response:
    return await api.post("/api/events", json=body)


@pytest.mark.usefixtures("moved")
async def test_a_condition_that_is_not_met_is_a_conflict_that_names_the_event(api: httpx2.AsyncClient) -> None:
    answer = await append_if(api, [NO_MOVE])
    assert answer.status_code == 409
    problem = answer.json()
    assert problem["code"] == "condition-failed"
    assert problem["none_after"] == 0
    assert problem["event"] == {"position": 1, "stream": "box-1", "type": "Moved", "id": "m-1"}
    assert await head(api) == 1


@pytest.mark.usefixtures("moved")
async def test_a_condition_that_is_met_does_not_show_in_the_answer(api: httpx2.AsyncClient) -> None:
    answer = await append_if(api, [NO_MOVE | {"none_after": 1}])
    assert answer.status_code == 201
    assert answer.json()["first_position"] == 2
    assert (await append_if(api, [])).status_code == 201


@pytest.mark.usefixtures("moved")
async def test_each_append_of_a_request_has_its_own_conditions(api: httpx2.AsyncClient) -> None:
    appends = [
        {"stream": "a-1", "events": [EVENT], "if": [NO_MOVE]},
        {"stream": "b-1", "events": [EVENT], "if": [{"q": "type:Placed", "none_after": 1}]},
        {"stream": "c-1", "events": [EVENT], "if": [{"q": "stream:b-1", "none_after": 1}]},
        {"stream": "d-1", "events": [EVENT]},
    ]
    answer = await post(api, {"appends": appends})
    results = answer.json()["results"]
    assert [result["status"] for result in results] == [409, 201, 409, 201]
    assert results[2]["body"]["event"]["position"] == 2


@pytest.mark.usefixtures("moved")
@pytest.mark.parametrize("place", ["beside appends", "beside the events of one"])
async def test_an_atomic_request_is_written_whole_or_not_at_all(api: httpx2.AsyncClient, place: str) -> None:
    def body(none_after: int) -> dict[str, Any]:
        conditions = {"if": [{"q": "type:Moved OR type:Placed", "none_after": none_after}]}
        appends: list[dict[str, Any]] = [{"stream": f"a-{n}", "events": [EVENT]} for n in range(3)]
        if place == "beside appends":
            return {"appends": appends, "atomic": True, **conditions}
        appends[2] |= conditions
        return {"appends": appends, "atomic": True}

    refused = await post(api, body(0))
    assert (refused.status_code, refused.json()["code"]) == (409, "condition-failed")
    assert await head(api) == 1
    written = await post(api, body(1))
    assert written.status_code == 201
    assert await head(api) == 4


@pytest.mark.parametrize("atomic", [{}, {"atomic": False}])
async def test_a_condition_for_all_appends_needs_an_atomic_request(api: httpx2.AsyncClient, atomic: Any) -> None:
    answer = await post(api, {"appends": [{"stream": "a-1", "events": [EVENT]}], "if": [NO_MOVE], **atomic})
    assert (answer.status_code, answer.json()["field"]) == (422, "if")


@pytest.mark.usefixtures("moved")
async def test_a_line_has_its_own_conditions(api: httpx2.AsyncClient) -> None:
    lines = [line(1, **{"if": [NO_MOVE]}), line(2), line(3, **{"if": [NO_MOVE | {"none_after": 1}]})]
    answer = await api.post("/api/events", content=b"\n".join(lines), headers=NDJSON)
    assert answer.json()["appended"] == 2
    assert [(error["line"], error["code"]) for error in answer.json()["errors"]] == [(1, "condition-failed")]


@pytest.mark.usefixtures("moved")
@pytest.mark.parametrize("none_after", [0, 1])
async def test_a_cloud_event_carries_its_conditions_as_a_text(api: httpx2.AsyncClient, none_after: int) -> None:
    conditions = json.dumps([NO_MOVE | {"none_after": none_after}])
    structured = await api.post(
        "/api/events",
        content=json.dumps(cloud_event(id="1", **{"if": conditions})),
        headers={"Content-Type": "application/cloudevents+json"},
    )
    headers = {f"ce-{name}": value for name, value in cloud_event(id="2").items() if isinstance(value, str)}
    binary = await api.post(
        "/api/events",
        content=b"{}",
        headers={**headers, "ce-if": quote(conditions), "Content-Type": "application/json"},
    )
    assert [structured.status_code, binary.status_code] == [201 if none_after else 409] * 2
    if none_after:
        event = (await api.get("/api/events/2")).json()
        assert "if" not in event["metadata"]["cloudevents"]


@pytest.mark.parametrize(
    ("conditions", "field"),
    [
        ([{"q": "type:", "none_after": 0}], None),
        ([{"q": "state.a:1", "none_after": 0}], None),
        ([{"q": "type:A", "none_after": -1}], "if[0].none_after"),
        ([NO_MOVE, {"q": "type:A", "none_after": 2**63}], "if[1].none_after"),
        ([{"q": "type:A"}], "if[0].none_after"),
        ([{"none_after": 1}], "if[0].q"),
        ([{"q": "type:A", "none_after": 0, "colour": "red"}], "if[0].colour"),
        ([NO_MOVE] * (MAX_CONDITIONS + 1), "if"),
        ("type:A", "if"),
    ],
    ids=str,
)
async def test_a_condition_that_makes_no_sense_is_refused(
    api: httpx2.AsyncClient, conditions: Any, field: str | None
) -> None:
    answer = await append_if(api, conditions)
    assert answer.status_code == 422, answer.text
    if field:
        assert answer.json()["field"] == field
    assert await head(api) == 0


@pytest.mark.usefixtures("moved")
async def test_a_token_that_may_not_read_can_not_ask_by_conditions(
    anyone: httpx2.AsyncClient, appending_token: str
) -> None:
    """Otherwise it could guess what the log holds, one condition at a time."""
    anyone.headers["Authorization"] = f"Bearer {appending_token}"
    for guess in ("data.secret:1234", "data.secret:4321"):
        answer = await append_if(anyone, [{"q": guess, "none_after": 0}])
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    lines = [line(1, **{"if": [NO_MOVE]}), line(2)]
    bulk = await anyone.post("/api/events", content=b"\n".join(lines), headers=NDJSON)
    assert [error["code"] for error in bulk.json()["errors"]] == ["forbidden"]


@pytest.mark.usefixtures("moved")
async def test_a_condition_sees_what_its_token_may_see(anyone: httpx2.AsyncClient, orders_token: str) -> None:
    anyone.headers["Authorization"] = f"Bearer {orders_token}"
    for query in ("type:Moved", "data.secret:1234", "stream:box-1"):
        answer = await append_if(anyone, [{"q": query, "none_after": 0}])
        assert answer.status_code == 201, answer.text
    answer = await append_if(anyone, [{"q": "type:Placed", "none_after": 0}])
    assert answer.json()["event"]["stream"] == "order-1"


LONG_QUERY = "type:No" + " type:No" * 1_000
"""A query that is longer than half of what one may be."""
LONG = {"q": LONG_QUERY, "none_after": 0}


@pytest.mark.parametrize("lane", ["one", "several", "lines", "batch"])
async def test_the_queries_of_a_request_are_together_no_longer_than_one_may_be(
    api: httpx2.AsyncClient, lane: str
) -> None:
    """They are refused before any of them is read: that takes the server's time, and others wait."""
    append_in = {"stream": "a-1", "events": [EVENT], "if": [LONG]}
    text = json.dumps([LONG, LONG])
    requests: dict[str, dict[str, Any]] = {
        "one": {"json": {"appends": [append_in | {"if": [LONG, LONG]}], "atomic": True}},
        "several": {"json": {"appends": [append_in, append_in | {"if": [LONG | {"q": f"{LONG_QUERY} type:"}]}]}},
        "lines": {"content": line(1, **{"if": [LONG, LONG]}), "headers": NDJSON},
        "batch": {
            "content": json.dumps([cloud_event(id=str(n), **{"if": text}) for n in range(2)]),
            "headers": {"Content-Type": "application/cloudevents-batch+json"},
        },
    }
    answer = await api.post("/api/events", **requests[lane])
    code = answer.json()["errors"][0]["code"] if lane == "lines" else answer.json()["code"]
    assert code == "too-large", answer.text
    assert await head(api) == 0


async def test_a_token_with_all_rights_may_set_conditions(anyone: httpx2.AsyncClient, admin_token: str) -> None:
    anyone.headers["Authorization"] = f"Bearer {admin_token}"
    assert (await append_if(anyone, [NO_MOVE])).status_code == 201
