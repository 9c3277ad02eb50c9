"""The errors of the client: one family, and a class for each code of the server."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import httpx2
import pytest

import eventsite_client
from events import errors
from events.query import errors as query_errors
from events.subscriptions import errors as subscription_errors
from eventsite_client import (
    Client,
    Conflict,
    EventsiteError,
    NewEvent,
    NoAnswer,
    Paused,
    TimedOut,
    UnexpectedAnswer,
    WrongExpectedVersion,
)
from projections import errors as projection_errors
from tests.support.transports import Scripted, problem

_modules = (errors, query_errors, subscription_errors, projection_errors)
CODES = {
    (value.code, value.status)
    for module in _modules
    for value in vars(module).values()
    if isinstance(value, type) and issubclass(value, errors.EventsError)
}


def client(*answers: httpx2.Response | dict[str, Any]) -> Client:
    scripted = Scripted(*answers)
    return Client("http://testserver", "evt_x", timeout=3, transport=lambda: scripted)


@pytest.mark.parametrize(("code", "status"), sorted(CODES))
def test_every_code_of_the_server_has_a_class(code: str, status: int) -> None:
    with pytest.raises(EventsiteError) as caught:
        client(problem(code, status, extra=1)).append("s", NewEvent("A"))
    error = caught.value
    assert (error.code, error.status, error.detail, error.members["extra"]) == (code, status, "why", 1)
    assert code in type(error).codes
    assert str(error) == f"{status} {code}: why"


def test_every_class_is_public() -> None:
    family, todo = set(), [EventsiteError]
    while todo:
        family.update(todo)
        todo = [each for kind in todo for each in kind.__subclasses__()]
    public = {each for each in family if not each.__module__.startswith("eventsite_client._")}
    assert {each.__name__ for each in public} <= set(eventsite_client.__all__)


def test_a_code_that_is_newer_than_the_client_is_an_error_by_its_status() -> None:
    with pytest.raises(eventsite_client.Invalid) as caught:
        client(problem("brand-new", 422)).append("s", NewEvent("A"))
    assert caught.value.code == "brand-new"
    with pytest.raises(EventsiteError) as other:
        client(problem("brand-new", 418)).append("s", NewEvent("A"))
    assert type(other.value) is EventsiteError


def test_what_python_has_a_word_for_is_that_too() -> None:
    with pytest.raises(ConnectionError) as caught:
        Client(
            "http://testserver", "evt_x", timeout=0.1, transport=lambda: Scripted(httpx2.ConnectError("refused"))
        ).event(1)
    assert isinstance(caught.value, NoAnswer)
    with pytest.raises(TimeoutError) as late:
        client({"events": [], "next": 1, "head": 1}).wait_for("type:A", timeout=0.01)
    assert isinstance(late.value, TimedOut)
    again = pickle.loads(pickle.dumps(late.value))
    assert (str(again), again.code) == (str(late.value), "timed-out")


@pytest.mark.parametrize("answer", [problem("outcome-unknown", 503), httpx2.Response(502), httpx2.Response(200)])
def test_an_error_of_an_append_says_which_ids_it_had(answer: httpx2.Response) -> None:
    with pytest.raises(EventsiteError) as caught:
        Client("http://testserver", "evt_x", timeout=0.1, transport=lambda: Scripted(answer)).append(
            "s", NewEvent("A", id="a")
        )
    assert caught.value.ids == ("a",)


def test_an_error_keeps_all_when_another_process_gets_it() -> None:
    error = WrongExpectedVersion("why", status=409, members={"current_version": 7})
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), copy.current_version) == (WrongExpectedVersion, str(error), 7)
    assert issubclass(WrongExpectedVersion, Conflict)


def test_a_pause_says_its_reason() -> None:
    with pytest.raises(Paused) as caught:
        client(problem("paused", 423, reason="charges twice")).append("s", NewEvent("A"))
    assert caught.value.reason == "charges twice"


@pytest.mark.parametrize(
    "answer",
    [
        httpx2.Response(200, text="<html>a page</html>"),
        httpx2.Response(200, json={"hello": 1}),
        httpx2.Response(404, text="nothing here"),
        httpx2.Response(302, headers={"Location": "/login"}),
        httpx2.Response(400, json=[1]),
        httpx2.Response(400, content=b"\xff", headers={"Content-Type": "application/problem+json"}),
    ],
)
def test_an_answer_of_another_service_is_no_answer_of_eventsite(answer: httpx2.Response) -> None:
    with pytest.raises(UnexpectedAnswer) as caught:
        client(answer).append("s", NewEvent("A"))
    assert caught.value.status == answer.status_code


def test_the_table_of_errors_in_the_documentation_holds_every_code() -> None:
    page = (Path(__file__).parents[3] / "docs" / "api.md").read_text(encoding="utf-8")
    of_server = {code for kind in _all(EventsiteError) for code in kind.codes} - {
        "circuit-open",
        "no-answer",
        "timed-out",
        "unexpected-answer",
        "not-ready",
        "no-such-workflow",
        "too-many-sockets",
        "address-too-long",
    }
    assert [code for code in sorted(of_server) if f"`{code}`" not in page] == []


def _all(kind: type[EventsiteError]) -> set[type[EventsiteError]]:
    return {kind}.union(*(_all(each) for each in kind.__subclasses__()))
