"""Appends that are retried, and appends that expect a version."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.support.api import append, append_text, head


@pytest.mark.parametrize(
    ("before", "expected", "version"),
    [(0, "any", 1), (2, "any", 3), (0, "no_stream", 1), (0, 0, 1), (2, "stream_exists", 3), (2, 2, 3)],
)
async def test_an_expected_version_that_is_met_appends(
    api: httpx2.AsyncClient, before: int, expected: int | str, version: int
) -> None:
    for _ in range(before):
        await append(api)
    answer = await append(api, expected_version=expected)
    assert (answer.status_code, answer.json()["version"]) == (201, version)


@pytest.mark.parametrize(
    ("before", "expected", "version_named"),
    [
        (1, "no_stream", 0),
        (1, 0, 0),
        (0, "stream_exists", "stream_exists"),
        (0, 1, 1),
        (2, 1, 1),
        (2, 2**63 - 1, 2**63 - 1),
    ],
)
async def test_an_expected_version_that_is_not_met_is_a_conflict(
    api: httpx2.AsyncClient, before: int, expected: int | str, version_named: int | str
) -> None:
    for _ in range(before):
        await append(api)
    answer = await append(api, expected_version=expected)
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["code"] == "wrong-expected-version"
    assert (problem["expected_version"], problem["current_version"]) == (version_named, before)
    assert await head(api) == before


async def test_a_retry_with_the_same_ids_returns_the_first_positions(api: httpx2.AsyncClient) -> None:
    events = [{"type": "A", "data": {"x": 1, "y": 2}, "id": "a"}, {"type": "B", "data": 1.0, "id": "b"}]
    first = await append(api, expected_version=0, events=events)
    await append(api)
    for expected in ("any", "no_stream", 0, 3, 99):
        again = await append(api, expected_version=expected, events=events)
        assert again.status_code == 200
        assert again.json() == {**first.json(), "replayed": True}
    same = '{"events": [{"data": {"y":2, "x":1}, "type":"A", "id":"a"}, {"id":"b","type":"B","data":10.0e-1}]}'
    assert (await append_text(api, same)).status_code == 200, "an equal JSON value is the same content"
    assert await head(api) == 3


@pytest.mark.parametrize(
    "events",
    [
        [{"type": "A", "data": 2, "id": "a"}],
        [{"type": "B", "data": 1, "id": "a"}],
        [{"type": "A", "data": 1, "id": "a", "agent": "other"}],
        [{"type": "A", "data": 1, "id": "a", "metadata": {"x": 1}}],
        [{"type": "A", "data": 1, "id": "a", "tags": ["vip"]}],
        [{"type": "A", "data": 1, "id": "a"}, {"type": "A", "data": 1, "id": "new"}],
        [{"type": "A", "data": 1, "id": "b"}, {"type": "A", "data": 1, "id": "a"}],
    ],
    ids=["data", "type", "agent", "metadata", "tags", "overlap", "order"],
)
async def test_a_known_id_with_other_content_is_a_conflict(api: httpx2.AsyncClient, events: list[Any]) -> None:
    await append(api, events=[{"type": "A", "data": 1, "id": "a"}, {"type": "A", "data": 1, "id": "b"}])
    answer = await append(api, events=events)
    assert (answer.status_code, answer.json()["code"]) == (409, "id-conflict")
    assert await head(api) == 2


async def test_a_known_id_in_another_stream_is_a_conflict(api: httpx2.AsyncClient) -> None:
    events = [{"type": "A", "data": 1, "id": "a"}]
    await append(api, "one", events=events)
    assert (await append(api, "two", events=events)).json()["code"] == "id-conflict"


async def test_an_idempotency_key_makes_a_retry_safe(api: httpx2.AsyncClient) -> None:
    events = [{"type": "A", "data": 1}]
    first = await append(api, events=events, idempotency_key="router:1:1")
    again = await append(api, events=events, idempotency_key="router:1:1", expected_version=77)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == {**first.json(), "replayed": True}
    other = await append(api, events=[{"type": "A", "data": 2}], idempotency_key="router:1:1")
    assert (other.status_code, other.json()["code"]) == (422, "key-reused")
    elsewhere = await append(api, "other", events=events, idempotency_key="router:1:1")
    assert elsewhere.json()["code"] == "key-reused"
    assert await head(api) == 1


async def test_a_conflict_never_uses_up_a_key(api: httpx2.AsyncClient) -> None:
    assert (await append(api, idempotency_key="k", expected_version=5)).status_code == 409
    assert (await append(api, idempotency_key="k", events=[{"type": "other", "data": 0}])).status_code == 201


async def test_a_retry_has_the_same_tags_in_any_order(api: httpx2.AsyncClient) -> None:
    event = {"type": "A", "data": 1, "id": "a"}
    first = await append(api, events=[{**event, "tags": ["vip", "eu"]}])
    again = await append(api, events=[{**event, "tags": ["eu", "vip"]}])
    assert (again.status_code, again.json()) == (200, {**first.json(), "replayed": True})
    assert (await api.get("/api/events/1")).json()["tags"] == ["vip", "eu"], "as they were sent first"
    for tags in ([], ["vip"], ["vip", "eu", "new"]):
        answer = await append(api, events=[{**event, "tags": tags}])
        assert (answer.status_code, answer.json()["code"]) == (409, "id-conflict")
    assert await head(api) == 1


async def test_an_append_with_a_key_is_retried_with_the_same_tags(api: httpx2.AsyncClient) -> None:
    for tags, status in ((["vip", "eu"], 201), (["eu", "vip"], 200), (["vip"], 422)):
        events = [{"type": "A", "data": 1, "tags": tags}, {"type": "A", "data": 2}]
        answer = await append(api, idempotency_key="k", events=events)
        assert answer.status_code == status, answer.text
