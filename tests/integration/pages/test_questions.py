"""The questions about real runs in docs/query.md: each is a query of one line on the timeline."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client

from events.models import Log
from tests.support.commands import import_events
from tests.support.factories import make_member
from tests.support.pages import positions

DOCS = Path(__file__).parents[3] / "docs" / "query.md"


def documented(question: str) -> str:
    """The query that answers a question, as the documentation has it."""
    match = re.search(rf"^\*\*{re.escape(question)}\*\*.*?^    ([^\n]+)$", DOCS.read_text(), re.MULTILINE | re.DOTALL)
    assert match
    return match[1]


@pytest.fixture
def runs(client: Client, user: User, log: Log, shared_data: Path) -> Client:
    """A person who looks at a log with all runs of two benchmarks."""
    for format in ("tau-bench", "who-and-when"):
        import_events(log, shared_data / format, format=format)
    make_member(log, user=user)
    client.force_login(user)
    return client


def rows(client: Client, log: Log, query: str) -> list[tuple[str, str]]:
    """The stream and the agent of each row, as they are shown."""
    answer = client.get(f"/logs/{log.name}/", {"q": query})
    assert answer.status_code == 200
    page = answer.content.decode()
    rows_shown = re.findall(r'class="stream" title="([^"]*)".*?class="agent" title="([^"]*)"', page)
    assert len(rows_shown) == len(positions(page))
    assert "This is the first event that fits" in page  # the whole log was searched
    return rows_shown


def test_which_trials_of_task_47_cancelled_a_reservation(runs: Client, log: Log) -> None:
    rows_shown = rows(runs, log, documented("Which tau-bench trials of task 47 cancelled a reservation?"))
    assert [stream for stream, _ in rows_shown] == ["tau-airline-47-3", "tau-airline-47-2", "tau-airline-47-0"]


def test_what_websurfer_said_before_the_ledger_was_satisfied(runs: Client, log: Log) -> None:
    question = "What did WebSurfer say before the Orchestrator’s ledger was satisfied?"
    rows_shown = rows(runs, log, documented(question))
    assert [agent for _, agent in rows_shown] == ["Orchestrator", "WebSurfer", "WebSurfer", "WebSurfer"]
    assert {stream for stream, _ in rows_shown} == {"whowhen-hc-12"}
