"""The finished run, and a name for the demo's log."""

from __future__ import annotations

import pytest
from pytest_django.plugin import DjangoDbBlocker

from eventsite.demo import live, seeding
from eventsite.demo.seeding import play_finished
from eventsite.demo.transports import in_process
from tests.support.demo import Played, Told, read_story
from tests.support.factories import make_log, make_name


@pytest.fixture(scope="session")
def _played(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Played:
    bodies: list[bytes] = []
    straight = in_process()

    async def noted(method: str, path: str, body: bytes, token: str) -> tuple[int, bytes]:
        bodies.append(body)
        return await straight(method, path, body, token)

    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(live, "in_process", lambda: noted)
        log = make_log()
        play_finished(log)
    return Played(log, bodies)


@pytest.fixture
def played(_played: Played, database: None) -> Played:
    """The finished run in a log of its own."""
    return _played


@pytest.fixture(scope="session")
def story(_played: Played, django_db_blocker: DjangoDbBlocker) -> list[Told]:
    """The events of the finished run."""
    with django_db_blocker.unblock():
        return read_story(_played.log)


@pytest.fixture
def demo_name(database: None, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a log to seed that no server under test has seeded."""
    name = make_name("demo")
    monkeypatch.setattr(seeding, "LOG", name)
    return name
