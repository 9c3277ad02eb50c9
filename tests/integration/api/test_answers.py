"""Every answer is as OpenAPI describes it, member by member; data, metadata and states keep every digit."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import httpx2
import jsonschema_rs
import orjson
import pytest

from events.engine import Engine
from events.models import Log, Scope
from eventsite.api import api as described
from tests.support.factories import make_append
from tests.support.placeholders import PLACEHOLDER, Answers

DATA = '{"n": 1.10, "huge": 12345678901234567890123, "small": 1e-400, "zero": -0.0}'
METADATA = '{"cost": 0.12345678901234567890}'
STATE = '{"n":1.10,"huge":12345678901234567890123,"small":1E-400,"zero":-0.0}'
NDJSON = "application/x-ndjson"
ONE_EVENT = {"events": [{"type": "Placed", "data": {}, "id": "placed-1"}]}


@dataclass
class Example:
    """A request, and the status of its answer. `path` is a template of the description."""

    path: str
    params: dict[str, str] = field(default_factory=dict)
    query: dict[str, Any] = field(default_factory=dict)
    status: int = 200
    body: Any = None
    media: str = "application/json"
    method: str = "get"


LATEST = {"projection": "latest"}
STREAM = {"kind": "stream"}
LEASE = {"workflow": "run-1", "agent": "router", "ttl": 60, "request": "boot-1"}
HELD = {"lease": "workflow:run-1", "token": PLACEHOLDER}
WORK = "/api/subscriptions/{subscription}"
THE_WORK = {"subscription": "work"}
DECIDE = "/api/dead-letters/decide"
RESUME = "/api/workflows/{workflow}/resume"
EXAMPLES = [
    Example("/api/streams/{stream}/events", {"stream": "b-1"}, body=ONE_EVENT, method="post", status=201),
    Example("/api/streams/{stream}/events", {"stream": "b-1"}, body=ONE_EVENT, method="post"),
    Example("/api/events", body={"appends": [{"stream": "b-2", **ONE_EVENT}]}, method="post"),
    Example("/api/events", body=b'{"stream": "b-3"}\n', media=NDJSON, method="post"),
    Example(
        "/api/events",
        body={"atomic": True, "appends": [{"stream": "b-4", "events": [{"type": "A", "data": 1}]}]},
        method="post",
        status=201,
    ),
    Example("/api/events", query={"limit": 5}),
    Example("/api/events/{position}", {"position": "1"}),
    Example("/api/streams"),
    Example("/api/streams/{stream}", {"stream": "a-1"}),
    Example("/api/streams/{stream}/events", {"stream": "a-1"}),
    Example("/api/leases", body=LEASE, method="post", status=201),
    Example("/api/leases", body=LEASE, method="post"),
    Example("/api/leases"),
    Example("/api/leases/renew", body={**HELD, "ttl": 60}, method="post"),
    Example("/api/leases/release", body=HELD, method="post"),
    Example(WORK, THE_WORK, body={"q": "stream:a-1", "backoff": {"first": 0, "jitter": 0}}, method="put", status=201),
    Example(WORK, THE_WORK, body={"q": "stream:a-1"}, method="put"),
    Example(WORK, THE_WORK),
    Example("/api/subscriptions"),
    Example(f"{WORK}/take", THE_WORK, body={"consumer": "one", "limit": 1}, method="post"),
    Example(f"{WORK}/deliveries", THE_WORK),
    Example(f"{WORK}/keys", THE_WORK),
    Example(f"{WORK}/consumers", THE_WORK),
    Example(f"{WORK}/release", THE_WORK, body={"delivery": PLACEHOLDER, "reason": "r"}, method="post"),
    Example(f"{WORK}/take", THE_WORK, body={"consumer": "one", "limit": 1}, method="post"),
    Example(
        f"{WORK}/settle",
        THE_WORK,
        body={
            "consumer": "one",
            "settlements": [{"delivery": PLACEHOLDER, "outcome": "poison", "error": {"type": "Timeout"}}],
        },
        method="post",
    ),
    Example(f"{WORK}/rewind", THE_WORK, body={"position": 0, "dry_run": True}, method="post"),
    Example(f"{WORK}/pause", THE_WORK, body={"reason": "r"}, method="post"),
    Example(f"{WORK}/resume", THE_WORK, body={}, method="post"),
    Example(RESUME, {"workflow": "run-1"}, {"agent": "router"}),
    Example(RESUME, {"workflow": "run-2"}, status=202),
    Example("/api/dead-letters"),
    Example("/api/dead-letters/{dead_letter}", {"dead_letter": "work:1"}),
    Example(DECIDE, body={"ids": ["work:1"], "decision": "escalate", "to": "ada"}, method="post"),
    Example(DECIDE, body={"ids": ["work:1", "work:2"], "decision": "retry", "canary": True}, method="post", status=202),
    Example("/api/projections"),
    Example("/api/projections/{projection}", {"projection": "agents"}),
    Example("/api/projections/{projection}/state", LATEST, {"key": "a-1"}),
    Example("/api/projections/{projection}/state", LATEST, {"key": "long-1"}, status=202),
    Example("/api/projections/{projection}/states", LATEST, {"limit": 1}),
    Example("/api/projections/{projection}/states", LATEST, {"prefix": "long-2"}, status=202),
    Example("/api/projections/{projection}/diff", LATEST, {"key": "a-1", "from_position": 0, "to_version": 2}),
    Example("/api/projections/{projection}/diff", LATEST, {"key": "long-3"}, status=202),
    Example("/api/jobs"),
    Example("/api/jobs/{job}"),
    Example("/api/jobs/{job}/cancel", method="post"),
    Example("/api/replays/{kind}", STREAM, {"name": "a-1"}),
    Example("/api/replays/{kind}/step", STREAM, {"name": "a-1"}),
    Example("/api/replays/{kind}/step", STREAM, {"name": "long-4"}, status=202),
    Example("/api/replays/{kind}/why", STREAM, {"name": "a-1", "pointer": "/n"}),
    Example("/api/replays/{kind}/why", STREAM, {"name": "long-5", "pointer": "/n"}, status=202),
    Example("/api/replays/{kind}/seek", STREAM, {"name": "a-1", "to": "type:Changed"}),
    Example("/api/replays/{kind}/seek", STREAM, {"name": "long-6", "to": "state.n:nothing"}, status=202),
    *(
        Example(path, {"agent": "b"}, body={"reason": "r", **id}, method="post", status=status)
        for paths, id in (
            (("/api/agents/{agent}/pause", "/api/agents/{agent}/resume"), {}),
            (("/api/workflows/pause", "/api/workflows/unpause"), {"id": "run-b"}),
        )
        for path in paths
        for status in (201, 200)
    ),
    Example("/api/pauses"),
]


@cache
def document() -> dict[str, Any]:
    """The description; its objects may have no members that it does not name. (A problem may: those of its error.)"""
    schema: dict[str, Any] = json.loads(json.dumps(described.get_openapi_schema(path_prefix="/api/")))
    for name, component in schema["components"]["schemas"].items():
        if "properties" in component and name != "Problem":
            component["additionalProperties"] = False
    return schema


def described_answers() -> dict[tuple[str, str, int], dict[str, Any]]:
    """The schema of each answer with a JSON body, apart from problems."""
    return {
        (method, path, int(status)): answer["content"]["application/json"]["schema"]
        for path, operations in document()["paths"].items()
        for method, operation in operations.items()
        for status, answer in operation["responses"].items()
        if "application/json" in answer.get("content", {})
    }


async def fill(engine: Engine, log: Log) -> None:
    """A stream whose events have every field, and streams that take a long fold."""
    event = {"data": DATA.encode(), "metadata": METADATA.encode(), "agent": "router"}
    all_fields = {"correlation_id": "run-1", "causation_id": "cause-1", "occurred_at": "2026-01-31T12:00:00Z"}
    appends = [make_append("a-1", event, event | all_fields)]
    appends += [make_append(f"long-{n}", *[{"correlation_id": "run-2"}] * 1_100) for n in range(1, 7)]
    await engine.writer.append(log.pk, appends)


async def ask(
    client: httpx2.AsyncClient, example: Example, *, job: str = "", answers: Answers | None = None
) -> httpx2.Response:
    path = example.path.format(job=job, **example.params)
    body = (answers or Answers()).complete(example.body)
    body = body if isinstance(body, bytes) else orjson.dumps(body)
    return await client.request(
        example.method,
        path,
        params=example.query,
        content=None if example.method == "get" else body,
        headers={"Content-Type": example.media},
    )


@pytest.fixture
def every_scope(make_token: Callable[..., str]) -> str:
    """A token with all scopes."""
    return make_token(*Scope)


def test_every_answer_has_an_example() -> None:
    assert {(each.method, each.path, each.status) for each in EXAMPLES} == set(described_answers())


async def test_an_answer_has_the_members_that_are_described_and_no_other(
    engine: Engine, log: Log, anyone: httpx2.AsyncClient, every_scope: str
) -> None:
    await fill(engine, log)
    anyone.headers["Authorization"] = f"Bearer {every_scope}"
    job, answers = "", Answers()
    for example in EXAMPLES:
        answer = await ask(anyone, example, job=job, answers=answers)
        assert answer.status_code == example.status, (example, answer.text)
        answers.note(answer.json())
        job = str(answer.json()["id"]) if example.status == 202 else job
        schema = described_answers()[example.method, example.path, example.status]
        validator = jsonschema_rs.validator_for({**schema, "components": document()["components"]})
        for error in validator.iter_errors(answer.json()):
            pytest.fail(f"{example}: {error}\n{answer.text}")


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/api/events/1", {}),
        ("/api/events", {"limit": 1}),
        ("/api/streams/a-1/events", {}),
        ("/api/replays/stream/step", {"name": "a-1", "n": 1}),
    ],
)
async def test_data_and_metadata_are_the_bytes_that_were_sent(
    engine: Engine, log: Log, api: httpx2.AsyncClient, path: str, query: dict[str, Any]
) -> None:
    await fill(engine, log)
    answer = await api.get(path, params=query)
    assert f'"data":{DATA},"metadata":{METADATA},' in answer.text


@pytest.mark.parametrize(
    ("path", "query", "expected"),
    [
        ("/api/projections/latest/state", {"key": "a-1"}, STATE),
        ("/api/projections/latest/states", {"prefix": "a-"}, STATE),
        ("/api/replays/stream/step", {"name": "a-1"}, STATE),
        ("/api/projections/latest/diff", {"key": "a-1", "to_version": 1}, '"value":12345678901234567890123'),
        ("/api/replays/stream/why", {"name": "a-1", "pointer": "/small"}, '"value":1E-400'),
    ],
)
async def test_a_state_is_answered_to_the_digit(
    engine: Engine, log: Log, api: httpx2.AsyncClient, path: str, query: dict[str, Any], expected: str
) -> None:
    await fill(engine, log)
    assert expected in (await api.get(path, params=query)).text
