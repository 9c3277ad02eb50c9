"""Fixtures of all tests.

The log can't be emptied, so no test rolls back or flushes: each test makes a log of its own, and its appends are
committed, as in production.
"""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
import pytest_asyncio
from django.contrib.auth.models import User
from django.db import connection, connections
from django.test.client import ClientHandler
from pytest_django.plugin import DjangoDbBlocker

from events.access import tokens
from events.engine import Engine
from events.models import Log, Member, Scope
from events.sessions import direct_alias
from tests.support import factories
from tests.support.server import Server, database_variables

# The examples are the same each time, on a slow machine too.
hypothesis.settings.register_profile("eventsite", deadline=None, derandomize=True)
hypothesis.settings.load_profile("eventsite")

SHARED_DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that run against a server. A test that starts other processes bears the mark itself."""
    for item in items:
        if "_server" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.processes)


def pytest_collection_finish() -> None:
    """Leave all modules out of later garbage collections: to look through them took a tenth of the processor time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _shared_middleware() -> None:
    """Load the middleware once for all test clients: to load it, which lists the static files, takes 50 ms."""
    handler = ClientHandler()
    handler.load_middleware()
    ClientHandler._middleware_chain = staticmethod(handler._middleware_chain)  # type: ignore[attr-defined]


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None, django_db_modify_db_settings: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """A test database for each worker. It is dropped at the end, even if a connection to it is still open."""
    direct = connections[direct_alias()]
    with django_db_blocker.unblock():
        before = direct.settings_dict["NAME"]
        if direct.alias != connection.alias:
            connection.settings_dict["NAME"] = direct.creation._get_test_db_name()  # type: ignore[attr-defined]
        name = direct.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    yield
    with django_db_blocker.unblock():
        connections.close_all()
        direct.settings_dict["NAME"] = before
        with direct._nodb_cursor() as cursor:
            cursor.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def database(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Access to the database. A test asks for it, or for a fixture that needs it."""
    with django_db_blocker.unblock():
        yield
        connections.close_all()


@pytest.fixture
def make_log(database: None) -> Callable[..., Log]:
    return factories.make_log


@pytest.fixture
def log(make_log: Callable[..., Log]) -> Log:
    return make_log()


@pytest.fixture
def other_log(make_log: Callable[..., Log]) -> Log:
    return make_log()


@pytest.fixture
def user(database: None) -> User:
    return factories.make_user()


@pytest.fixture
def member(log: Log, user: User) -> Member:
    """A viewer of `log`."""
    return factories.make_member(log, user=user)


@pytest.fixture
def token(log: Log) -> str:
    """A token that may append to `log` and read it."""
    return tokens.create_token(log, name="test", scopes=[Scope.APPEND, Scope.READ])


@pytest.fixture
def admin_token(log: Log) -> str:
    """A token that may do all with `log`."""
    return tokens.create_token(log, name="admin", scopes=[Scope.ADMIN])


@pytest_asyncio.fixture
async def engine(database: None) -> AsyncIterator[Engine]:
    async with Engine() as engine:
        yield engine


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real data to import, which is not part of the repository."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"no sample data at {SHARED_DATA}")
    return SHARED_DATA


@pytest.fixture(scope="session")
def _server(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    environment = {**database_variables(), "SECRET_KEY": "of-the-server-under-test"}
    # A runner of this server would take the logs of tests that have a runner of their own.
    with Server(environment, log=tmp_path_factory.mktemp("server") / "log", options=("--web-only",)) as server:
        yield server


@pytest.fixture
def server(_server: Server, database: None) -> Server:
    """`manage.py serve` on the test database. It runs, whatever the test before did to it."""
    _server.start()
    return _server
