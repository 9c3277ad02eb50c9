"""Appends to several streams in one request: each succeeds or fails on its own, or all together."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.support.api import EVENT, head


def one_append(stream: str, **body: Any) -> dict[str, Any]:
    return {"stream": stream, "events": [EVENT], **body}


async def append(api: httpx2.AsyncClient, *appends: dict[str, Any], **body: Any) -> httpx2.Response:
    return await api.post("/api/events", json={"appends": appends, **body})


async def test_each_append_has_its_own_result_in_order(api: httpx2.AsyncClient) -> None:
    known_append = one_append("a", events=[{**EVENT, "id": "known"}])
    await append(api, known_append)
    answer = await append(
        api,
        one_append("b"),
        known_append,
        one_append("a", expected_version="no_stream"),
        one_append("b", events=[{**EVENT, "id": "known"}]),
        one_append("c", events=[{**EVENT, "type": ""}]),
        one_append("..", events=[EVENT]),
        one_append("b", expected_version=1),
    )
    assert answer.status_code == 200
    results = answer.json()["results"]
    assert [result["status"] for result in results] == [201, 200, 409, 409, 422, 422, 201]
    assert [result["body"].get("code") for result in results] == [
        None, None, "wrong-expected-version", "id-conflict", "invalid", "invalid", None
    ]  # fmt: skip
    assert results[1]["body"]["replayed"]
    assert (results[2]["body"]["expected_version"], results[2]["body"]["current_version"]) == (0, 1)
    assert results[4]["body"]["field"] == "appends[4].events[0].type"
    assert results[5]["body"]["field"] == "appends[5].stream"
    assert [results[0]["body"]["first_position"], results[6]["body"]["first_position"]] == [2, 3]
    assert results[6]["body"]["version"] == 2
    assert await head(api) == 3


async def test_an_atomic_request_writes_all(api: httpx2.AsyncClient) -> None:
    answer = await append(
        api, one_append("a"), one_append("b", expected_version=0), one_append("a", expected_version=1), atomic=True
    )
    assert answer.status_code == 201
    assert [result["status"] for result in answer.json()["results"]] == [201] * 3
    assert [result["body"]["version"] for result in answer.json()["results"]] == [1, 1, 2]
    assert await head(api) == 3


@pytest.mark.parametrize(
    ("bad", "status", "code"),
    [
        (one_append("b", expected_version=7), 409, "wrong-expected-version"),
        (one_append("b", events=[{**EVENT, "id": "known"}]), 409, "id-conflict"),
        (one_append("b", idempotency_key="used"), 422, "key-reused"),
        (one_append("b", events=[{**EVENT, "agent": ""}]), 422, "invalid"),
        (one_append("b", events=[{**EVENT, "id": "twice"}]), 409, "id-conflict"),
    ],
)
async def test_an_atomic_request_writes_nothing_when_one_append_fails(
    api: httpx2.AsyncClient, bad: dict[str, Any], status: int, code: str
) -> None:
    await append(api, one_append("known", events=[{**EVENT, "id": "known"}], idempotency_key="used"))
    answer = await append(api, one_append("a", events=[{**EVENT, "id": "twice"}]), bad, one_append("c"), atomic=True)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await head(api) == 1


async def test_an_atomic_request_answers_the_first_error(api: httpx2.AsyncClient) -> None:
    answer = await append(
        api, one_append("a"), one_append("b", expected_version=2), one_append("c", expected_version=3), atomic=True
    )
    assert answer.json()["expected_version"] == 2


async def test_an_atomic_retry_is_replayed(api: httpx2.AsyncClient) -> None:
    appends = one_append("a", events=[{**EVENT, "id": "1"}]), one_append("b", idempotency_key="k")
    first = await append(api, *appends, atomic=True)
    again = await append(api, *appends, atomic=True)
    assert (first.status_code, again.status_code) == (201, 200)
    assert [result["status"] for result in again.json()["results"]] == [200, 200]
    assert [r["body"]["events"] for r in again.json()["results"]] == [
        r["body"]["events"] for r in first.json()["results"]
    ]
    assert await head(api) == 2


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("appends", {}),
        ("appends", {"appends": []}),
        ("atomic", {"appends": [one_append("a")], "atomic": 1}),
        ("appends[0].events", {"appends": [{"stream": "a"}]}),
        ("appends[0].stream", {"appends": [{"events": [EVENT]}]}),
        ("appends[1].unknown", {"appends": [one_append("a"), one_append("a", unknown=1)]}),
        ("appends[0].events[0].unknown", {"appends": [one_append("a", events=[{**EVENT, "unknown": 1}])]}),
        ("unknown", {"appends": [one_append("a")], "unknown": 1}),
    ],
)
async def test_a_body_that_is_not_a_list_of_appends_is_refused_whole(
    api: httpx2.AsyncClient, field: str, body: Any
) -> None:
    answer = await api.post("/api/events", json=body)
    assert (answer.status_code, answer.json()["field"]) == (422, field), answer.text
    assert await head(api) == 0


@pytest.mark.parametrize("atomic", [True, False])
async def test_the_appends_of_a_request_may_have_ten_thousand_events(api: httpx2.AsyncClient, atomic: bool) -> None:
    half = {"events": [EVENT] * 5_000}
    answer = await append(api, one_append("a", **half), one_append("b", **half), one_append("c"), atomic=atomic)
    assert (answer.status_code, answer.json()["code"], answer.json()["limit"]) == (413, "too-large", 10_000)
    assert await head(api) == 0
    assert (await append(api, one_append("a", **half), one_append("b", **half), atomic=atomic)).status_code in (
        200,
        201,
    )


async def test_empty_appends_count_towards_the_limit(api: httpx2.AsyncClient) -> None:
    answer = await append(api, *[{"stream": "a", "events": []}] * 10_001)
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")
