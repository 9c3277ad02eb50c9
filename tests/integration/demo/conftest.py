"""The finished run, and a name for the demo's log."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django.plugin import DjangoDbBlocker

from eventsite.demo import seeding
from eventsite.demo.seeding import play_finished
from tests.support.demo import Told, read_story
from tests.support.factories import make_log, make_name


@pytest.fixture(scope="session")
def story(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[list[Told]]:
    """The finished run in a log of its own, to be read only."""
    with django_db_blocker.unblock():
        log = make_log()
        play_finished(log)
        yield read_story(log)


@pytest.fixture
def demo_name(database: None, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a log to seed that no server under test has seeded."""
    name = make_name("demo")
    monkeypatch.setattr(seeding, "LOG", name)
    return name
