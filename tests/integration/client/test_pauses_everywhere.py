"""Pauses are made and ended with a reason: with both clients, and with the fake."""

from __future__ import annotations

from typing import Any

import pytest

from eventsite_client import Client, Invalid, NewEvent
from tests.support.twins import EVERYWHERE

pytestmark = EVERYWHERE


@pytest.mark.parametrize("path", ["/agents/router/pause", "/agents/router/resume"])
@pytest.mark.parametrize(
    "body", [None, {}, {"reason": ""}, {"reason": None}, {"reason": "a\nb"}, {"reason": "a", "id": "b"}]
)
def test_an_agent_is_paused_and_resumed_for_a_reason_only(
    admin: Client, path: str, body: dict[str, Any] | None
) -> None:
    with pytest.raises(Invalid) as caught:
        admin.request("POST", path, body, gives=dict[str, Any])
    assert (caught.value.status, caught.value.code) == (422, "invalid")
    admin.append("s", NewEvent("Counted", agent="router"))


@pytest.mark.parametrize("path", ["/workflows/pause", "/workflows/unpause"])
@pytest.mark.parametrize(
    "body", [{"id": "order-1"}, {"reason": "a"}, {"id": "", "reason": "a"}, {"id": 1, "reason": "a"}]
)
def test_a_workflow_is_paused_and_resumed_by_its_id_and_for_a_reason(
    admin: Client, path: str, body: dict[str, Any]
) -> None:
    with pytest.raises(Invalid) as caught:
        admin.request("POST", path, body, gives=dict[str, Any])
    assert (caught.value.status, caught.value.code) == (422, "invalid")
    admin.append("s", NewEvent("Counted", correlation_id="order-1"))
