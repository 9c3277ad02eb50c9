"""A breaker stops calls that fail, and tries again."""

from __future__ import annotations

import msgspec
import pytest

from eventsite_client import CircuitOpen, Client
from eventsite_client._core.breaking import Circuit
from tests.support.transports import Scripted

DONE = {"appended": 1, "replayed": 0, "failed": 0, "errors": []}


def circuit(**settings: int) -> Circuit:
    return Circuit("payments", **{"failures": 3, "of": 5, "minimum": 3, "pause": 60, **settings})


def call(circuit: Circuit, now: float, *, failed: bool | None) -> list[str]:
    """Make a call, and return the types of the changes."""
    changes = [circuit.begin(now), circuit.end(now, failed=failed)]
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
    change = breaker.begin(60)
    assert change is not None
    assert (change.type, breaker.state) == ("circuit.half_opened", "half-open")
    with pytest.raises(CircuitOpen):
        breaker.begin(61)
    closed = breaker.end(62, failed=False)
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
    assert call(breaker, 60, failed=False) == ["circuit.half_opened", "circuit.closed"]


def test_calls_that_began_before_it_opened_change_nothing() -> None:
    breaker = circuit()
    breaker.begin(0)
    open_(breaker)
    assert breaker.end(1, failed=True) is None
    assert breaker.state == "open"


def test_settings_that_make_no_sense_are_refused() -> None:
    for settings in ({"failures": 0}, {"failures": 6}, {"minimum": 0}, {"minimum": 6}, {"pause": 0}):
        with pytest.raises(ValueError, match="breaker"):
            circuit(**settings)


def test_changes_are_events_with_what_led_to_them() -> None:
    transport = Scripted(DONE)
    with Client("http://testserver", "evt_x", transport=transport) as client:
        breaker = client.breaker("payments", failures=2, of=2, minimum=2, errors=(OSError,))

        def fail(error: BaseException) -> None:
            with pytest.raises(type(error)), client.run(agent="payer"), breaker:
                raise error

        fail(OSError())
        fail(KeyError())  # no failure of the service
        fail(OSError())  # a failure and a success are the last two
        fail(OSError())
        with pytest.raises(CircuitOpen), breaker:
            pass
        assert client.flush()
    [request] = transport.requests
    event = msgspec.json.decode(request.content)
    assert (event["stream"], event["type"], event["agent"]) == ("breaker-payments", "circuit.opened", "payer")
    assert event["data"] == {"service": "payments", "failures": 2, "of": 2, "pause": 60.0}


def test_a_block_that_is_cancelled_tells_nothing_about_the_service() -> None:
    with Client("http://testserver", "evt_x", transport=Scripted(DONE)) as client:
        breaker = client.breaker("payments", failures=1, of=1, minimum=1)
        with pytest.raises(KeyboardInterrupt), breaker:
            raise KeyboardInterrupt
        assert breaker.state == "closed"
