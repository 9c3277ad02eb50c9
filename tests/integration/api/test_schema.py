"""The API does what its OpenAPI description says, whatever is sent."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from events import tokens
from events.models import Log, Scope
from tests.server import Server

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


OPERATIONS = [
    "POST /api/events",
    "GET /api/events",
    "GET /api/events/{position}",
    "GET /api/streams",
    "GET /api/streams/{stream}",
    "GET /api/streams/{stream}/events",
    "POST /api/streams/{stream}/events",
]


@pytest.fixture
def operations(server: Server) -> dict[str, Any]:
    schema = schemathesis.openapi.from_url(f"{server.url}/api/openapi.json")
    all_of_them: list[Any] = list(schema.get_all_operations())
    found: list[Any] = [result.ok() for result in all_of_them]
    return {f"{operation.method.upper()} {operation.path}": operation for operation in found}


def test_every_operation_is_described(operations: dict[str, Any]) -> None:
    assert set(operations) == set(OPERATIONS)


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_answer_is_as_described(name: str, operations: dict[str, Any], log: Log) -> None:
    token = tokens.create(log, name="fuzz", scopes=[Scope.APPEND, Scope.READ])

    @settings(max_examples=25, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(case=operations[name].as_strategy())
    def ask(case: Any) -> None:
        case.query.pop("wait", None)  # a long poll would wait for what never comes
        case.headers["Authorization"] = f"Bearer {token}"
        case.call_and_validate(checks=CHECKS, timeout=60)

    ask()
