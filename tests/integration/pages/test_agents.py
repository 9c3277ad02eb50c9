"""The page of agents: their work as the projections show it, and their names before there are projections."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.test import Client
from pytest_django.fixtures import DjangoAssertNumQueries

from events.models import Log
from projections.catalog.agents import agents as projection
from projections.catalog.lifecycle import lifecycle
from projections.views import agents
from tests.support.fixture_types import AppendEvents
from tests.support.running import settle

NAME = "a b/(-> X)#1 <b>"


def get(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return answer.content.decode()


def rows(page: str) -> dict[str, str]:
    """The words of each row of the table, by agent."""
    words = {}
    for row in re.findall(r"<tr>(.*?)</tr>", page.partition("<tbody>")[2], re.DOTALL):
        cells = [unescape(re.sub(r"<[^>]+>", "", cell)) for cell in re.split(r"</t[dh]>", row)]
        words[cells[0].strip()] = "|".join(" ".join(cell.split()) for cell in cells[1:])
    return words


@pytest.fixture
def at_work(log: Log, append: AppendEvents) -> Log:
    """One agent has finished its work, one has not, one has failed, and one names no workflow."""
    append("order-1", {"type": "order.placed", "agent": "shop", "correlation_id": "one"})
    append("payment-1", {"type": "payment.initiated", "agent": "payer", "correlation_id": "one"})
    append("payment-2", {"type": "payment.initiated", "agent": "payer", "correlation_id": "two"})
    append("payment-2", {"type": "payment.captured", "agent": "payer", "correlation_id": "two"})
    append("mail-1", {"type": "mail.requested", "agent": NAME, "correlation_id": "two"})
    append("mail-1", {"type": "mail.failed", "agent": NAME, "correlation_id": "two", "data": b'{"error": "no"}'})
    append("note", {"type": "Noted", "agent": "writer"}, {"type": "Nobody"})
    settle(log, projection, lifecycle)
    return log


@pytest.mark.usefixtures("at_work")
def test_each_agent_stands_with_what_it_did_last_and_has_not_finished(viewer: Client, at: str) -> None:
    words = rows(get(viewer, f"{at}agents/"))
    assert list(words) == ["writer", NAME, "payer", "shop"]
    payer, failed, writer = words["payer"], words[NAME], words["writer"]
    assert payer.startswith("Completed|two|payment-1|payment.captured")
    assert failed.startswith("Failed|two||mail.failed")
    assert writer.startswith("Idle|||Noted")
    assert "|3|0|" in payer
    assert "|2|1|" in failed


@pytest.mark.usefixtures("at_work")
def test_an_agent_leads_to_its_events_its_replay_and_its_state(viewer: Client, at: str) -> None:
    page = get(viewer, f"{at}agents/?prefix=a")
    assert list(rows(page)) == [NAME]
    body = page.partition("<tbody>")[2].partition("</tbody>")[0]
    urls = map(unescape, re.findall(r'<a [^>]*href="([^"]+)"', body))
    timeline, workflow, event, replay, state = urls
    assert "mail.failed" in viewer.get(timeline, follow=True).content.decode()
    assert (workflow, event) == (f"{at}workflows/two/", f"{at}events/6")
    assert "/replay/agent/" in replay
    assert "<title>Step 2 of 2" in get(viewer, replay)
    assert "mail.failed" in get(viewer, state)


@pytest.mark.usefixtures("at_work")
def test_agents_page_by_their_last_event(viewer: Client, at: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agents, "ROWS", 2)
    first = get(viewer, f"{at}agents/")
    [url] = re.findall(r'rel="next" href="([^"]+)"', first)
    second = get(viewer, f"{at}agents/{url}")
    assert [*rows(first), *rows(second)] == ["writer", NAME, "payer", "shop"]
    assert 'rel="next"' not in second
    assert "No agent had its last event before #1" in get(viewer, f"{at}agents/?before=1")


def test_before_anything_is_kept_there_are_their_names(viewer: Client, at: str, append: AppendEvents) -> None:
    append("s", {"agent": NAME}, {"agent": "b"}, {})
    page = get(viewer, f"{at}agents/")
    assert "This list has only names so far" in page
    assert list(rows(page)) == [NAME, "b"]


def test_no_agents_no_such_agents_and_no_such_page_are_different_answers(viewer: Client, at: str, log: Log) -> None:
    assert "No agents yet" in get(viewer, f"{at}agents/")
    assert "No agent’s name begins with" in get(viewer, f"{at}agents/?prefix=x")
    assert viewer.get(f"{at}agents/?before=x").status_code == 400


@pytest.mark.usefixtures("at_work")
def test_the_twin_is_the_apis_answer(viewer: Client, at: str) -> None:
    answer = viewer.get(f"{at}agents/?format=json")
    assert answer.status_code == 302
    assert answer["Location"].startswith("/api/projections/agents/states?log=")


@pytest.mark.usefixtures("at_work")
def test_agents_cost_a_fixed_number_of_queries(
    viewer: Client, at: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    # session, user, membership with its log; letters to decide; pauses; progress of the projection; agents, last
    # events, workflows; the last events of agents and of workflows; once a process: the numbers of types
    with django_assert_num_queries(12):
        viewer.get(f"{at}agents/")
