"""Requests of one's own."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from eventsite_client import Client, UnexpectedAnswer
from tests.support.transports import Scripted


def client_of(*answers: httpx2.Response | dict[str, Any]) -> tuple[Client, Scripted]:
    transport = Scripted(*answers)
    return Client("http://testserver", "evt_x", timeout=5, transport=lambda: transport), transport


def test_a_request_without_an_answer_gives_nothing() -> None:
    client, transport = client_of(httpx2.Response(204))
    client.request("DELETE", "/subscriptions/packing", params={"path": "a", "gives": 1, "headers": None})
    [request] = transport.requests
    assert (request.method, request.url.raw_path) == ("DELETE", b"/api/subscriptions/packing?path=a&gives=1")
    with pytest.raises(UnexpectedAnswer):
        client.request("DELETE", "/subscriptions/packing", gives=dict)


def test_an_answer_is_left_out_if_nobody_wants_it() -> None:
    client, _ = client_of({"n": 1})
    assert client.request("GET", "/n", gives=dict[str, int]) == {"n": 1}
    client.request("GET", "/n")


def test_a_long_poll_waits_for_its_answer() -> None:
    client, transport = client_of({})
    client.request("GET", "/events", params={"wait": 25}, gives=dict)
    assert transport.requests[0].extensions["timeout"]["read"] == 30 + 25
