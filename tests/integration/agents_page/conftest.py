"""The code of docs/agents.md, loaded against a live server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from events.access.tokens import create_token
from events.models import Log, Scope
from tests.support.agents_page import Agent, Load, source
from tests.support.middleman import Middleman
from tests.support.server import Server


@pytest.fixture
def middleman(server: Server) -> Iterator[Middleman]:
    with Middleman(server.url) as middleman:
        yield middleman


@pytest.fixture
def token(log: Log) -> str:
    """The token of the agents: they make their subscriptions, too."""
    return create_token(log, name="agents", scopes=[Scope.ADMIN])


@pytest.fixture
def load(middleman: Middleman, token: str) -> Iterator[Load]:
    """Build an agent in this process: the page's functions, by name."""
    agents: list[Agent] = []

    def load() -> Agent:
        agent: Agent = {"__name__": "agent"}
        exec(source(token, middleman.url), agent)
        agents.append(agent)
        return agent

    yield load
    for agent in agents:
        agent["api"].close()
