"""A breaker stops calls that fail, and tries again."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import httpx2
import msgspec
import pytest

from eventsite_client import AsyncClient, CircuitOpen, Client, NewEvent
from eventsite_client._core.breaking import Circuit
from tests.support.patience import PATIENCE
from tests.support.transports import Scripted

DONE = {"appended": 1, "replayed": 0, "failed": 0, "errors": []}


def circuit(**settings: int) -> Circuit:
    return Circuit("payments", **{"failures": 3, "of": 5, "minimum": 3, "pause": 60, **settings})


def call(circuit: Circuit, now: float, *, failed: bool | None) -> list[str]:
    """Make a call, and return the types of the changes."""
    period, change = circuit.begin(now)
    changes = [change, circuit.end(period, now, failed=failed)]
    return [change.type for change in changes if change is not None]


def open_(circuit: Circuit, now: float = 0) -> None:
    while circuit.state == "closed":
        call(circuit, now, failed=True)


def test_a_breaker_opens_after_failures_among_the_last_calls() -> None:
    breaker = circuit()
    assert [call(breaker, 0, failed=each) for each in (True, True, False, False, False, True, True)] == [[]] * 7
    assert call(breaker, 0, failed=True) == ["circuit.opened"]
    assert breaker.state == "open"


def test_a_breaker_needs_some_calls_first() -> None:
    breaker = circuit(failures=1, minimum=3)
    assert call(breaker, 0, failed=True) == []
    assert call(breaker, 0, failed=False) == []
    assert call(breaker, 0, failed=True) == ["circuit.opened"]


def test_an_open_breaker_lets_one_trial_through_after_its_pause() -> None:
    breaker = circuit()
    open_(breaker)
    with pytest.raises(CircuitOpen, match="payments") as caught:
        breaker.begin(20)
    assert caught.value.retry_after == 40
    trial, change = breaker.begin(60)
    assert change is not None
    assert (change.type, breaker.state) == ("circuit.half_opened", "half-open")
    with pytest.raises(CircuitOpen):
        breaker.begin(61)
    closed = breaker.end(trial, 62, failed=False)
    assert closed is not None
    assert (closed.type, breaker.state) == ("circuit.closed", "closed")
    assert call(breaker, 63, failed=True) == []


def test_a_trial_that_fails_opens_it_again() -> None:
    breaker = circuit()
    open_(breaker)
    assert call(breaker, 60, failed=True) == ["circuit.half_opened", "circuit.opened"]
    with pytest.raises(CircuitOpen):
        breaker.begin(119)
    assert call(breaker, 120, failed=False) == ["circuit.half_opened", "circuit.closed"]


def test_a_trial_that_tells_nothing_is_followed_by_another() -> None:
    breaker = circuit()
    open_(breaker)
    assert call(breaker, 60, failed=None) == ["circuit.half_opened"]
    assert call(breaker, 60, failed=False) == ["circuit.closed"]


def test_calls_that_began_before_it_opened_change_nothing() -> None:
    breaker = circuit()
    early, _ = breaker.begin(0)
    open_(breaker)
    assert breaker.end(early, 1, failed=True) is None
    trial, _ = breaker.begin(60)
    assert breaker.end(early, 61, failed=False) is None
    with pytest.raises(CircuitOpen):
        breaker.begin(62)
    change = breaker.end(trial, 63, failed=False)
    assert change is not None
    assert change.type == "circuit.closed"


def test_a_trial_that_never_ends_is_followed_by_another() -> None:
    breaker = circuit()
    open_(breaker)
    lost, _ = breaker.begin(60)
    with pytest.raises(CircuitOpen) as caught:
        breaker.begin(119)
    assert caught.value.retry_after == 1
    trial, change = breaker.begin(120)
    assert change is None
    assert breaker.end(lost, 121, failed=True) is None
    assert breaker.end(trial, 122, failed=False) is not None
    assert breaker.state == "closed"


def test_settings_that_make_no_sense_are_refused() -> None:
    for settings in ({"failures": 0}, {"failures": 6}, {"minimum": 0}, {"minimum": 6}, {"pause": 0}):
        with pytest.raises(ValueError, match="breaker"):
            circuit(**settings)


def test_changes_are_events_with_what_led_to_them() -> None:
    transport = Scripted(DONE)
    with Client("http://testserver", "evt_x", transport=lambda: transport) as client:
        breaker = client.breaker("payments", failures=2, of=2, minimum=2, errors=(OSError,))

        def fail(error: BaseException) -> None:
            with pytest.raises(type(error)), client.run(agent="payer"), breaker.call():
                raise error

        fail(OSError())
        fail(KeyError())  # no failure of the service
        fail(OSError())  # a failure and a success are the last two
        fail(OSError())
        with pytest.raises(CircuitOpen), breaker.call():
            pass
        assert client.flush()
    [request] = transport.requests
    event = msgspec.json.decode(request.content)
    assert (event["stream"], event["type"], event["agent"]) == ("breaker-payments", "circuit.opened", "payer")
    assert event["data"] == {"service": "payments", "failures": 2, "of": 2, "pause": 60.0}


def test_a_block_that_is_cancelled_tells_nothing_about_the_service() -> None:
    with Client("http://testserver", "evt_x", transport=lambda: Scripted(DONE)) as client:
        breaker = client.breaker("payments", failures=1, of=1, minimum=1)
        with pytest.raises(KeyboardInterrupt), breaker.call():
            raise KeyboardInterrupt
        assert breaker.state == "closed"


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_call_neither_waits_nor_fails_for_its_note(kind: type[Client | AsyncClient], tmp_path: Path) -> None:
    """The spool is gone and its parts can't be made, as on a disk that is full."""
    folder = tmp_path / "spool"
    client = kind("http://127.0.0.1:9", "evt_x", spool=folder)
    client._log.end()
    shutil.rmtree(folder)
    folder.write_text("")
    breaker = client.breaker("payments", failures=1, of=1, minimum=1)
    with pytest.raises(ZeroDivisionError), breaker.call():
        raise ZeroDivisionError
    assert (breaker.state, client.logged.dropped) == ("open", 1)


def test_a_note_for_which_there_is_no_room_is_dropped() -> None:
    stuck = threading.Event()

    def hang(request: httpx2.Request) -> httpx2.Response:
        stuck.wait()
        return httpx2.Response(200, json=DONE)

    with Client("http://testserver", "evt_x", transport=lambda: httpx2.MockTransport(hang), log_bytes=100) as client:
        client.log("s", NewEvent("A", "x" * 100))
        with pytest.raises(ZeroDivisionError), client.breaker("payments", failures=1, of=1, minimum=1).call():
            raise ZeroDivisionError
        stuck.set()
        assert not client.flush()
        assert (client.logged.sent, client.logged.dropped) == (1, 1)


def test_calls_of_many_threads_have_one_trial_at_a_time() -> None:
    with Client("http://testserver", "evt_x", transport=lambda: Scripted(DONE)) as client:
        breaker = client.breaker("payments", failures=1, of=1, minimum=1, pause=3_600)
        with pytest.raises(ZeroDivisionError), breaker.call():
            raise ZeroDivisionError
        breaker._circuit._until = 0.0  # the pause is over
        trials, ended = [], threading.Barrier(8)

        def call_once() -> None:
            try:
                with breaker.call():
                    trials.append(1)
                    ended.wait(PATIENCE)
            except CircuitOpen:
                ended.wait(PATIENCE)

        threads = [threading.Thread(target=call_once) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert (trials, breaker.state) == ([1], "closed")
