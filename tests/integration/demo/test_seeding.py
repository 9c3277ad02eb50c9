"""The finished run of the demo is the same in every log, and is made once."""

from __future__ import annotations

import asyncio

import pytest

from events.client import ClientError
from events.engine import Engine
from events.models import Event, Log
from eventsite.demo import live, seeding
from eventsite.demo.seeding import play_finished
from eventsite.demo.transports import in_process
from tests.support.demo import Told, cut_off, read_story
from tests.support.factories import make_append, make_log


def test_a_finished_run_is_the_same_in_every_log(story: list[Told], log: Log) -> None:
    play_finished(log)
    assert read_story(log) == story


def test_a_finished_run_played_again_adds_nothing(story: list[Told], log: Log) -> None:
    play_finished(log)
    play_finished(log)
    assert read_story(log) == story


@pytest.mark.parametrize("appends", [1, 21, 60])
def test_a_run_that_was_cut_off_goes_on_where_it_was(
    story: list[Told], log: Log, appends: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(live, "in_process", lambda: cut_off(in_process(), after=appends))
        with pytest.raises(ClientError, match="cut off"):
            play_finished(log)
    assert 0 < len(read_story(log)) <= appends
    play_finished(log)
    assert read_story(log) == story


def test_seeding_makes_the_log_once(story: list[Told], demo_name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seeding.seed()
    assert read_story(Log.objects.get(name=demo_name)) == story
    monkeypatch.setattr(seeding, "play_finished", pytest.fail)
    seeding.seed()


def test_seeding_finishes_a_run_that_was_cut_off(
    story: list[Told], demo_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(live, "in_process", lambda: cut_off(in_process(), after=30))
        seeding.seed()
    seeding.seed()
    assert read_story(Log.objects.get(name=demo_name)) == story


@pytest.mark.parametrize("events", [0, 1])
def test_seeding_leaves_somebody_elses_log_of_that_name_alone(demo_name: str, events: int) -> None:
    log = make_log(name=demo_name)

    async def append() -> None:
        async with Engine() as engine:
            await engine.writer.append(log.pk, [make_append() for _ in range(events)])

    asyncio.run(append())
    seeding.seed()
    assert Event.objects.filter(log=log).count() == events
