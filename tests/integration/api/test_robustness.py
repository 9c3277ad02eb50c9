"""Any request is answered with a problem that says what to mend, never with a 500."""

from __future__ import annotations

import httpx2
import pytest

from events.engine import Engine
from tests.support.streaming import Exchange


def is_problem(answer: httpx2.Response, status: int, code: str) -> bool:
    body = answer.json()
    return (
        answer.status_code == status == body["status"]
        and body["code"] == code
        and answer.headers["content-type"] == "application/problem+json"
    )


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/streams/a%00b", 422, "invalid"),
        ("GET", "/api/streams/a%00b/events", 422, "invalid"),
        ("GET", "/api/streams/a%0Ab", 422, "invalid"),
        ("GET", "/api/streams/%FF", 400, "bad-request"),
        ("GET", "/api/streams/" + "n" * 201, 422, "invalid"),
        ("GET", "/api/events?stream=a%00b", 422, "invalid"),
        ("GET", "/api/events?type=a%00b", 422, "invalid"),
        ("GET", "/api/events?type=", 422, "invalid"),
        ("GET", "/api/events?wait=nan", 422, "invalid"),
        ("GET", "/api/events?wait=inf", 422, "invalid"),
        ("GET", "/api/events?wait=61", 422, "invalid"),
        ("GET", "/api/events?limit=0", 422, "invalid"),
        ("GET", "/api/events?limit=1001", 422, "invalid"),
        ("GET", "/api/events?limit=" + "9" * 5000, 422, "invalid"),
        ("GET", "/api/events?after=-1", 422, "invalid"),
        ("GET", f"/api/events?after={2**63}", 422, "invalid"),
        ("GET", "/api/events?direction=sideways", 422, "invalid"),
        ("GET", "/api/events?unknown=1", 422, "invalid"),
        ("GET", "/api/events?limit=1&limit=2", 422, "invalid"),
        ("GET", "/api/events?" + "&".join(["type=A"] * 1001), 400, "bad-request"),
        ("GET", "/api/events/" + "9" * 5000, 404, "not-found"),
        ("GET", f"/api/events/{2**63}", 404, "no-such-event"),
        ("GET", f"/api/events/{2**80}", 404, "no-such-event"),
        ("GET", "/api/events?before=null", 422, "invalid"),
        ("GET", "/api/events/one", 404, "not-found"),
        ("GET", "/api/events/1?unknown=1", 422, "invalid"),
        ("GET", "/api/", 404, "not-found"),
        ("GET", "/api/nothing", 404, "not-found"),
        ("GET", "/api/docs/", 404, "not-found"),
        ("DELETE", "/api/events", 405, "method-not-allowed"),
    ],
)
async def test_a_request_that_makes_no_sense_is_refused(
    api: httpx2.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    answer = await api.request(method, path)
    assert is_problem(answer, status, code), answer.text


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Accept": "text/event-stream", "Last-Event-ID": "9" * 5000}, 422, "invalid"),
        ({"Accept": "text/event-stream", "Last-Event-ID": "-1"}, 422, "invalid"),
        ({"Accept": "text/event-stream", "Last-Event-ID": "one"}, 422, "invalid"),
        ({"Content-Type": "text/plain; charset*=nonsense''%ff"}, 400, "bad-request"),
        ({"Host": "elsewhere.example"}, 400, "bad-request"),
        ({"Host": "a b"}, 400, "bad-request"),
    ],
)
async def test_a_header_that_makes_no_sense_is_refused(
    api: httpx2.AsyncClient, headers: dict[str, str], status: int, code: str
) -> None:
    answer = await api.get("/api/events", headers=headers)
    assert is_problem(answer, status, code), answer.text


async def test_a_query_string_that_is_no_text_is_refused(engine: Engine, token: str) -> None:
    async with Exchange("GET", "/api/events", token=token, query="stream=\xff") as exchange:
        await exchange.start()
        assert exchange.status == 400


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"])
async def test_a_method_that_is_not_served_names_those_that_are(api: httpx2.AsyncClient, method: str) -> None:
    answer = await api.request(method, "/api/events")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, POST"
    assert (await api.request(method, "/api/events/1")).headers["allow"] == "GET"
