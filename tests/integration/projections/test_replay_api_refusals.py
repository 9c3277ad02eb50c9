"""Replays through the API that are refused or that fail."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from asgiref.sync import sync_to_async

from events.access import tokens
from events.engine import Engine
from events.models import Log, Scope
from projections import registry
from projections.definition.projection import Projection
from tests.support.fixture_types import Get
from tests.support.folds import fill

HUGE = 2**63 - 1


@pytest.mark.parametrize(
    ("path", "query", "status", "what"),
    [
        ("nonsense", {}, 404, "not-found"),
        ("key/step", {"name": "a", "by": "counts"}, 404, "not-found"),
        ("kept/step", {"name": "a"}, 404, "not-found"),
        ("stream/step", {}, 422, "name"),
        ("log/step", {"name": "order-1"}, 422, "name"),
        ("stream/step", {"name": "order-1", "q": "type:A"}, 422, "q"),
        ("stream/step", {"name": "order-1", "place": 4}, 422, "place"),
        ("stream/step", {"name": "order-1", "place": HUGE}, 422, "place"),
        ("stream/step", {"name": "order-1", "place": HUGE + 1}, 422, "place"),
        ("stream/step", {"name": "order-1", "place": -1}, 422, "place"),
        ("stream/step", {"name": "order-1", "place": "1e3"}, 422, "place"),
        ("stream/step", {"name": "order-1", "n": 4}, 422, "n"),
        ("log/step", {"n": HUGE}, 422, "n"),
        ("workflow/step", {"name": "run-0", "n": HUGE}, 422, "n"),
        ("agent/step", {"name": "router", "n": 3}, 422, "n"),
        ("agent/step", {"name": "nobody", "n": 1}, 422, "n"),
        ("query/step", {"q": "type:A", "n": 1}, 422, "n"),
        ("log/step", {"place": 1, "n": 1}, 422, "n"),
        ("log/step", {"place": 4}, 422, "place"),
        ("stream/step", {"name": "a\0b"}, 422, "name"),
        ("stream/step", {"name": "n" * 601}, 422, "name"),
        ("query/step", {"q": "type:("}, 422, "invalid-query"),
        ("query/step", {"q": "state.a:1"}, 422, "not-for-events"),
        ("query/step", {"q": "a\0b"}, 422, "invalid-query"),
        ("log/step", {"by": "nonsense"}, 404, "no-such-projection"),
        ("log/why", {"by": "nonsense", "pointer": ""}, 404, "no-such-projection"),
        ("log", {"by": "nonsense"}, 404, "no-such-projection"),
        ("log/why", {}, 422, "pointer"),
        ("log/why", {"pointer": "last"}, 422, "pointer"),
        ("log/why", {"pointer": "/a\0"}, 422, "pointer"),
        ("log", {"limit": 201}, 422, "limit"),
        ("log", {"limit": 0}, 422, "limit"),
        ("log", {"surprise": 1}, 422, "surprise"),
    ],
)
async def test_a_source_or_step_that_does_not_exist_is_refused(
    engine: Engine, log: Log, get: Get, path: str, query: dict[str, Any], status: int, what: str
) -> None:
    await fill(engine, log, ["order-1"] * 3)
    answer = await get(path, **query)
    problem = answer.json()
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json"), answer.text
    assert what in (problem.get("field"), problem["code"]), answer.text


async def test_a_kind_is_one_part_of_a_path(get: Get) -> None:
    assert (await get(quote("stream/../log", safe=""))).status_code == 404
    assert (await get(f"{quote('../jobs', safe='')}/step")).status_code == 404


async def test_a_source_without_events_has_step_0_only(log: Log, get: Get) -> None:
    for path, query in (
        ("stream", {"name": "none"}),
        ("workflow", {"name": "none"}),
        ("agent", {"name": "none"}),
        ("query", {"q": "type:Nothing"}),
        ("log", {}),
    ):
        page = (await get(path, **query)).json()
        assert (page["steps"], page["next"]) == ([], None)
        answer = (await get(f"{path}/step", **query)).json()
        beside = answer["previous"], answer["next"]
        assert (answer["place"], answer["n"], answer["event"], answer["changes"], *beside) == (
            0,
            0,
            None,
            [],
            None,
            None,
        )
        answer = (await get(f"{path}/why", pointer="/a", **query)).json()
        assert (answer["history"], answer["found"], answer["looked_to"]) == ([], False, None)


async def test_a_token_of_a_prefix_replays_its_streams_only(engine: Engine, log: Log, get: Get) -> None:
    await fill(engine, log, ["order-1", "a*"] * 3)
    bound = await sync_to_async(tokens.create_token)(log, name="bound", scopes=[Scope.READ], stream_prefix="order-")
    writer = await sync_to_async(tokens.create_token)(log, name="writer", scopes=[Scope.APPEND])
    for part in ("", "/step", "/why"):
        pointer = {"pointer": ""} if part == "/why" else {}
        for kind, query, status in (
            ("stream", {"name": "order-1"}, 200),
            ("stream", {"name": "a*"}, 403),
            ("workflow", {"name": "run-0"}, 403),
            ("agent", {"name": "router"}, 403),
            ("query", {"q": "stream:order-1"}, 403),
            ("log", {}, 403),
        ):
            assert (await get(f"{kind}{part}", token=bound, **query, **pointer)).status_code == status
        assert (await get(f"log{part}", token=writer, **pointer)).status_code == 403
        assert (await get(f"log{part}", token="evt_unknown", **pointer)).status_code == 401


async def test_no_other_log_is_replayed(
    engine: Engine, log: Log, other_log: Log, get: Get, anyone: httpx2.AsyncClient
) -> None:
    await fill(engine, other_log, ["order-1"] * 3)
    assert (await get("stream", name="order-1")).json()["steps"] == []


async def test_a_reducer_that_raises_stops_there(
    engine: Engine, log: Log, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails = Projection("fails", about="For a test.", initial=[])
    fails.on("*")(lambda state, happened: [*state, 1 // (3 - happened.position)])
    monkeypatch.setitem(registry.PROJECTIONS, "fails", fails)
    await fill(engine, log, ["order-1"] * 5)
    page = (await get("log", by="fails")).json()
    assert [each["changes"] for each in page["steps"]] == [1, 1, None, None, None]
    assert (page["error"].partition(":")[0], page["error_position"]) == ("ZeroDivisionError", 3)
    page = (await get("log", by="fails", after=4)).json()
    assert ([each["changes"] for each in page["steps"]], page["error_position"]) == ([None], 3)
    assert (await get("log/step", by="fails", place=2)).status_code == 200
    for place in (3, 5):
        for part in ("step", "why"):
            answer = await get(f"log/{part}", by="fails", place=place, **({"pointer": ""} if part == "why" else {}))
            problem = answer.json()
            assert (answer.status_code, problem["code"], problem["position"]) == (409, "reducer-failed", 3)


async def test_a_state_that_is_not_json_is_a_problem(
    engine: Engine, log: Log, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    floats = Projection("floats", about="For a test.")
    floats.on("*")(lambda state, happened: {"rate": 0.5})
    monkeypatch.setitem(registry.PROJECTIONS, "floats", floats)
    await fill(engine, log, ["order-1"] * 2)
    for part in ("step", "why"):
        answer = await get(f"log/{part}", by="floats", **({"pointer": ""} if part == "why" else {}))
        assert (answer.status_code, answer.json()["code"]) == (409, "reducer-failed"), answer.text
