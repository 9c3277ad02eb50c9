"""An internal error is logged, and the answer contains nothing of it."""

from __future__ import annotations

import logging

import httpx2
import psycopg
import pytest

from events import engine
from events.errors import OutcomeUnknown, QueueFull
from events.reading.statement import Statement
from events.reading.store import Read
from tests.support.api import EVENT

SECRET = "a detail that is nobody's business"


def break_everything(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    async def fail(*args: object, **kwargs: object) -> None:
        raise error

    for reading in (Read, Statement):
        monkeypatch.setattr(reading, "afetch", fail)
    monkeypatch.setattr(engine.current().writer, "append", fail)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_defect_is_logged_and_tells_the_client_nothing(
    api: httpx2.AsyncClient, method: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await api.get("/api/events")
    break_everything(monkeypatch, RuntimeError(SECRET))
    answer = await api.request(method, "/api/events", json={"appends": [{"stream": "a", "events": [EVENT]}]})
    assert (answer.status_code, answer.json()["code"]) == (500, "error")
    assert answer.headers["content-type"] == "application/problem+json"
    assert SECRET not in answer.text
    assert "Traceback" not in answer.text
    [record] = [record for record in caplog.records if record.name == "eventsite.api_errors"]
    assert record.levelno == logging.ERROR
    assert SECRET in str(record.exc_info)


async def test_a_defect_can_not_forge_a_line_of_the_log(
    api: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await api.get("/api/events")
    break_everything(monkeypatch, RuntimeError())
    await api.post("/api/streams/a%0A2026-01-01 forged/events", json={"events": [EVENT]})
    await api.get("/api/nothing%0Aforged")
    assert not [record for record in caplog.records if "\n" in record.getMessage()]


async def test_a_database_that_is_away_is_a_503_to_readers(
    api: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await api.get("/api/events")
    break_everything(monkeypatch, engine.DatabaseAway(SECRET))
    for path in ("/api/events", "/api/events/1", "/api/streams", "/api/streams/a", "/api/streams/a/events"):
        answer = await api.get(path)
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert answer.headers["retry-after"] == "2"
        assert SECRET not in answer.text
    answer = await api.get("/api/events", headers={"Authorization": "Bearer unknown"})
    assert answer.status_code == 503, "an unknown token may be a good one"


async def test_a_read_that_takes_too_long_says_so(api: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    await api.get("/api/events")
    break_everything(monkeypatch, psycopg.errors.QueryCanceled("canceling statement due to statement timeout"))
    answer = await api.get("/api/events/1")
    assert (answer.status_code, answer.json()["code"]) == (503, "query-timeout")
    assert answer.json()["title"] == "The query took too long"
    assert "retry-after" not in answer.headers


async def test_a_full_queue_asks_to_come_back(api: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    await api.get("/api/events")
    break_everything(monkeypatch, QueueFull())
    answer = await api.post("/api/streams/a/events", json={"events": [EVENT]})
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "queue-full", "1")


async def test_an_unknown_outcome_returns_the_ids(api: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    await api.get("/api/events")

    async def unknown(*args: object, **kwargs: object) -> list[OutcomeUnknown]:
        return [OutcomeUnknown(ids=["one"])]

    monkeypatch.setattr(engine.current().writer, "append", unknown)
    answer = await api.post("/api/streams/a/events", json={"events": [EVENT]})
    assert (answer.status_code, answer.json()["code"], answer.json()["ids"]) == (503, "outcome-unknown", ["one"])
    assert answer.headers["retry-after"] == "2"


async def test_a_server_is_healthy_while_it_answers_and_ready_while_it_has_its_database(
    anyone: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in ("/healthz", "/readyz"):
        answer = await anyone.get(path, headers={"Host": "whatever.a.probe.sends"})
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
        assert answer.headers["cache-control"] == "no-store"
    break_everything(monkeypatch, engine.DatabaseAway(SECRET))
    assert (await anyone.get("/healthz")).status_code == 200
    answer = await anyone.get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"status": "unavailable"})
