"""The API's description is true: schemathesis makes requests from it and checks the answers against it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from html.parser import HTMLParser
from typing import Any

import httpx2
import orjson
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from events.models import Log
from events.query.parse import MAX_CHARACTERS
from events.query.printing import to_text
from eventsite.api import api as described
from eventsite.limits import Limits
from tests.support import factories
from tests.support.query_strategies import CHARACTERS, EVENT_QUERIES, TEXTS, parsed
from tests.support.server import Server

SOUND = EVENT_QUERIES.map(to_text).filter(lambda text: len(text) <= MAX_CHARACTERS)
# Mostly sound texts with one character changed, or any text.
BROKEN = st.one_of(
    st.builds(lambda text, at, what: text[:at] + what + text[at + 1 :], SOUND, st.integers(0, 40), TEXTS),
    st.text(CHARACTERS | st.just("\0"), max_size=20),
)
schemathesis.openapi.format("eventsite-query", SOUND)

document: dict[str, Any] = described.get_openapi_schema(path_prefix="/api/")
schema = schemathesis.openapi.from_dict(document)
schema.config.seed = 1
schema.config.generation.update(modes=[GenerationMode.POSITIVE, GenerationMode.NEGATIVE])


@schemathesis.serializer("application/x-ndjson")
def serialise_lines(context: object, value: object) -> bytes:
    return value.encode("utf-8", "replace") if isinstance(value, str) else orjson.dumps(value)


EXCLUDED: dict[tuple[str, str], list[Any]] = {
    # Each of several appends has a result of its own, inside a 200.
    ("POST", "/api/events"): [negative_data_rejection],
    # A schema can't say that the replay of a stream needs a name, that the replay of a query needs none, and that the
    # step must exist.
    **{("GET", f"/api/replays/{{kind}}{what}"): [positive_data_acceptance] for what in ("", "/step", "/why", "/seek")},
}
JSON_TEXTS = ("if", "leases", "settles")
"""The attributes of a CloudEvent that hold JSON."""
NUMBERS = ("expected_version", "read_position", "schema_version", "none_after", "token", "ttl")


def describable(value: object) -> bool:
    """Whether JSON Schema can express what the API asks of a body.

    It can't express that 1.0 is not an integer, that U+0000 is nowhere in a value, nor that a text holds JSON.
    """
    if isinstance(value, str):
        return "\x00" not in value
    if isinstance(value, list):
        return all(map(describable, value))
    return not isinstance(value, dict) or all(
        describable(name)
        and describable(child)
        and not (isinstance(child, float) and (name in NUMBERS or "specversion" in value))
        and not (isinstance(child, str) and child and name in JSON_TEXTS and "specversion" in value)
        for name, child in value.items()
    )


def renew_key(body: object) -> None:
    """Replace each sound key, because the second request with a key would rightly be refused."""
    if isinstance(body, dict):
        key = body.get("idempotency_key")
        if isinstance(key, str) and key.isprintable() and 0 < len(key) <= 200:
            body["idempotency_key"] = factories.make_name("key")
        for append in body["appends"] if isinstance(body.get("appends"), list) else []:
            renew_key(append)


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    """Connections that requests share. Nothing of the environment, such as a proxy, is looked up for each request."""
    with requests.Session() as session:
        session.trust_env = False
        yield session


@pytest.fixture
def fill(server: Server, log: Log, token: str) -> Callable[[], None]:
    """Append a few events, once."""

    @cache
    def fill() -> None:
        events = [{"type": "A", "data": n, "occurred_at": "2026-01-31T12:00:00Z"} for n in range(3)]
        httpx2.post(
            f"{server.url}/api/streams/0/events", json={"events": events}, headers={"Authorization": f"Bearer {token}"}
        ).raise_for_status()

    return fill


@schema.parametrize()
@settings(max_examples=12, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_as_described(
    case: Any, server: Server, token: str, session: requests.Session, fill: Callable[[], None]
) -> None:
    assume(describable(case.body))
    # A request that is not HTTP never reaches the API.
    assume("content-length" not in {name.lower() for name in case.headers or ()})
    # An empty array or object does not stand in an address, so the server can't refuse it.
    assume(not any(value in ([], {}) for value in (case.query or {}).values()))
    renew_key(case.body)
    # A request with `wait` would wait for events that never come. Where it is no parameter, it has to be refused.
    waits = {each["name"] for each in case.operation.definition.raw["parameters"] if each["name"].startswith("wait")}
    case.query = {name: value for name, value in (case.query or {}).items() if name not in waits}
    if case.method == "GET":
        fill()
    case.call_and_validate(
        base_url=server.url,
        session=session,
        headers={"Authorization": f"Bearer {token}"},
        excluded_checks=EXCLUDED.get((case.method, case.path), []),
    )


@pytest.mark.parametrize("path", ["/api/events", "/api/streams/{stream}/events"])
@given(q=BROKEN)
@settings(max_examples=60, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_any_query_is_answered_or_refused_as_described(
    path: str, server: Server, token: str, session: requests.Session, q: str
) -> None:
    case = schema[path]["GET"].Case(query={"q": q}, path_parameters={"stream": "a"})
    answer = case.call_and_validate(base_url=server.url, session=session, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == (422 if parsed(q) is None else 200)


def test_every_problem_is_described() -> None:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            expected = {400, 401, 403, 422, 503} | ({404} if method == "get" else {413})
            if method == "post" and path.endswith("/events"):
                expected |= {409, 423}
            assert expected <= set(map(int, operation["responses"])), (method, path)
            assert operation["security"]


def test_the_description_states_the_limits() -> None:
    limits = Limits()
    for limit in (
        limits.event_max_bytes,
        limits.event_max_depth,
        limits.name_max_length,
        limits.number_max_digits,
        limits.number_max_exponent,
        limits.request_max_events,
        limits.request_max_bytes,
    ):
        assert re.search(rf"\b{limit:,}\b", document["info"]["description"]), limit


class Assets(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("link", "script", "img"):
            self.found += [value for name, value in attrs if name in ("src", "href") and value]


def test_the_docs_come_from_this_server_alone(server: Server) -> None:
    page = httpx2.get(f"{server.url}/api/docs")
    assets = Assets(page.text).found
    assert len(assets) >= 3
    for asset in assets:
        assert asset.startswith("/static/"), asset
        assert httpx2.get(server.url + asset).status_code == 200, asset
    assert '"/api/openapi.json"' in page.text
    assert httpx2.get(f"{server.url}/api/openapi.json").json()["info"]["title"] == "Eventsite"
