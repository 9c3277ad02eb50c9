"""A step of a replay as a pytest case, through the API."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx2
import pytest
from asgiref.sync import sync_to_async

from events.access import tokens
from events.engine import Engine
from events.models import Log, Scope
from projections import registry
from projections.definition.projection import Projection
from tests.support.copied import passes
from tests.support.factories import make_append
from tests.support.fixture_types import Get
from tests.support.folds import fill


async def test_a_step_is_had_as_a_test_that_passes_by_token(engine: Engine, log: Log, get: Get, tmp_path: Path) -> None:
    await fill(engine, log, ["order-1", "order-2"] * 5)
    query = {"by": "latest", "name": "order-1", "n": 3, "format": "pytest"}
    answer = await get("stream/step", **query)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/x-python; charset=utf-8")
    assert answer.text.count("    event(\n") == 3
    assert f"in the log {log.name}" in answer.text
    assert await asyncio.to_thread(passes, answer.text, tmp_path)
    unchanged = await get("stream/step", headers={"If-None-Match": answer.headers["ETag"]}, **query)
    assert unchanged.status_code == 304


async def test_a_token_of_a_prefix_has_tests_of_its_streams_only(engine: Engine, log: Log, get: Get) -> None:
    await fill(engine, log, ["order-1", "invoice-1"] * 3)
    bound = await sync_to_async(tokens.create_token)(log, name="bound", scopes=[Scope.READ], stream_prefix="order-")
    writer = await sync_to_async(tokens.create_token)(log, name="writer", scopes=[Scope.APPEND])

    async def answer(kind: str, *, token: str, **query: Any) -> httpx2.Response:
        return await get(f"{kind}/step", token=token, by="latest", n=1, format="pytest", **query)

    own = await answer("stream", name="order-1", token=bound)
    assert (own.status_code, own.text.count("    event(\n")) == (200, 1)
    assert "invoice-1" not in own.text
    refusals = [
        await answer("stream", name="invoice-1", token=bound),
        await answer("query", q="stream:invoice-1", token=bound),
        await answer("query", q="stream:order-1", token=bound),
        await answer("log", token=bound),
        await answer("stream", name="order-1", token=writer),
    ]
    assert [(each.status_code, each.json()["code"]) for each in refusals] == [(403, "forbidden")] * 5
    assert not any("def test_" in each.text for each in refusals)


async def test_a_step_that_is_no_test_is_refused_like_any_other(
    engine: Engine, log: Log, get: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(engine, log, ["order-1"] * 2_200)
    await engine.writer.append(log.pk, [make_append("large-1", {"data": b'"%s"' % (b"x" * 500_000)})])
    fails = Projection("fails", about="For a test.")
    fails.on("*")(lambda state, happened: state["nothing"])
    monkeypatch.setitem(registry.PROJECTIONS, "fails", fails)
    bound = await sync_to_async(tokens.create_token)(log, name="bound", scopes=[Scope.READ], stream_prefix="large-")

    async def answer(name: str, **query: Any) -> tuple[int, str | None]:
        response = await get("stream/step", name=name, format="pytest", **query)
        return response.status_code, response.json().get("code")

    assert await answer("order-1", by="latest") == (202, None)
    assert await answer("large-1", by="latest", n=9_999) == (422, "invalid")
    assert await answer("order-1", by="fails", n=1) == (409, "reducer-failed")
    assert await answer("order-1", by="latest", token=bound) == (403, "forbidden")
    assert await answer("large-1", by="transcript") == (413, "too-large")
    assert (await get("stream/step", name="large-1", format="xml")).json()["field"] == "format"
