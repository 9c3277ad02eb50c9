"""The pages of dead letters: what could not be done, by fault, and one letter with the state that its consumer saw."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client
from pytest_django.fixtures import DjangoAssertNumQueries

from events.json.value import loads
from events.models import DeadLetter, Log, Role
from events.subscriptions.faults import failure
from projections import registry
from tests.support import commands
from tests.support.dead_letters import bury
from tests.support.factories import make_log, make_member, make_user
from tests.support.fixture_types import AppendEvents
from tests.support.running import append as append_all
from tests.support.running import declare_only, poisoned, settle, totals, varied
from tests.support.subscriptions import make_subscription

TRACEBACK = (
    'File "notifier/mail.py", line 88, in send\n    raise Timeout\n'
    'File "/usr/lib/python3.13/ssl.py", line 9, in read\n    recv()\n'
)
TIMEOUT = failure("Timeout", "no answer in 10 s", TRACEBACK)
REFUSED = failure("Refused", "card 4711 refused", None)


@pytest.fixture
def letters(log: Log, append: AppendEvents) -> None:
    """Two letters of `order-1` and `order-2` that timed out; another one of `order-3` that was refused."""
    for order in ("order-1", "order-2", "order-3"):
        append(order, {"type": "Placed", "data": b'{"amount": 7}'}, {"type": "Paid", "data": b'{"paid": true}'})
    append("order-1", {"type": "Sent"})
    make_subscription(log, query="type:Paid OR type:Sent")
    bury(log, TIMEOUT, limit=2)
    bury(log, REFUSED, consumer="two")


def get(client: Client, url: str, status: int = 200) -> str:
    answer = client.get(url)
    assert answer.status_code == status, answer.content
    return answer.content.decode()


def test_a_log_without_letters_says_that_nothing_is_dead(viewer: Client, at: str) -> None:
    text = get(viewer, f"{at}dead-letters/")
    assert "Nothing is dead" in text
    assert "due" not in text
    for state in ("retrying", "escalated", "done"):
        assert f"No letter is {state}" in get(viewer, f"{at}dead-letters/?state={state}")


@pytest.mark.usefixtures("letters")
def test_letters_stand_by_their_faults_with_what_they_hold(viewer: Client, at: str) -> None:
    text = get(viewer, f"{at}dead-letters/")
    assert "3 letters · 3 keys held, 1 event wait" in text
    assert text.index("Timeout") < text.index("Refused")
    assert "no answer in # s" in text
    assert "notifier/mail.py in send" in text
    assert "no frame of one’s own" in text
    assert 'title="Dead letters: 3"' in get(viewer, at)


@pytest.mark.usefixtures("letters")
def test_the_first_group_is_open_until_another_one_is_opened(viewer: Client, at: str) -> None:
    assert positions(get(viewer, f"{at}dead-letters/")) == [4, 2]
    assert positions(get(viewer, f"{at}dead-letters/?open=work:{REFUSED.fault}")) == [6]
    assert positions(get(viewer, f"{at}dead-letters/?open=none")) == []
    after = quote("work:4")
    assert positions(get(viewer, f"{at}dead-letters/?open=work:{TIMEOUT.fault}&after={after}")) == [2]


@pytest.mark.usefixtures("letters")
def test_a_query_is_about_the_events_of_the_letters(viewer: Client, at: str) -> None:
    text = get(viewer, f"{at}dead-letters/?q=stream:order-3")
    assert positions(text) == [6]
    assert "Timeout" not in text
    assert "Nothing matches" in get(viewer, f"{at}dead-letters/?q=stream:nope")
    for query in ("q=a:", "after=x", "state=x"):
        assert "This address can’t be read" in get(viewer, f"{at}dead-letters/?{query}", 400)


@pytest.mark.usefixtures("letters")
def test_groups_keep_their_order_while_one_reads(viewer: Client, at: str) -> None:
    seen = f"work:{REFUSED.fault} work:{TIMEOUT.fault}"
    answer = viewer.get(f"{at}dead-letters/", headers={"HX-Request": "true", "X-Order": seen})
    text = answer.content.decode()
    assert text.index("Refused") < text.index("Timeout")
    assert "The order has changed" in text
    assert "<html" not in text
    assert "The order has changed" not in get(viewer, f"{at}dead-letters/")


@pytest.mark.usefixtures("letters")
def test_a_letter_shows_its_attempts_its_event_and_the_state_before_it(viewer: Client, at: str) -> None:
    text = get(viewer, f"{at}dead-letters/work:2")
    assert "called poison" in text
    assert 'could see up to <span class="mono">#7</span>' in text
    assert "no answer in 10 s" in text
    assert "notifier/mail.py" in text
    assert "ssl.py" not in text
    assert "1 event of the key" in text
    state = text[text.index("The state its consumer saw") :]
    assert "stream order-1, step 1" in state
    assert "amount" in state
    assert "paid" not in state
    assert f'href="{at}replay/stream/order-1/1?by=latest"' in state
    assert viewer.get(f"{at}dead-letters/work:2?to=replay")["Location"] == f"{at}replay/stream/order-1/1?by=latest"
    whole = viewer.get(f"{at}dead-letters/work:2?traceback=1")
    assert (whole["Content-Type"], whole.content.decode()) == ("text/plain; charset=utf-8", TRACEBACK)


@pytest.mark.usefixtures("letters")
@pytest.mark.parametrize("name", ["work:1", "nope:2", "work:2?traceback=2", "work:2?traceback=x", "work:6?traceback=1"])
def test_what_is_not_there_is_not_found(viewer: Client, at: str, name: str) -> None:
    get(viewer, f"{at}dead-letters/{name}", 404)


@pytest.mark.parametrize(
    ("order_by", "place"),
    [
        *(("stream", "stream/a-1/1"), ("workflow", "workflow/run-1/1"), ("agent", "agent/router/2")),
        *(("none", "stream/a-1/1"), ("/key", "stream/a-1/1")),
    ],
)
def test_the_state_is_that_of_the_source_by_which_events_are_ordered(
    viewer: Client, log: Log, append: AppendEvents, at: str, order_by: str, place: str
) -> None:
    append("a-1", {"correlation_id": "run-1"})
    append("b-1", {"agent": "router"})
    append("a-1", {"agent": "router", "correlation_id": "run-1", "data": b'{"key": "k"}'})
    make_subscription(log, order_by=order_by, start=2, read_to=2, projection="lifecycle")
    bury(log)
    answer = viewer.get(f"{at}dead-letters/work:3?to=replay")
    assert answer["Location"] == f"{at}replay/{place}?by=lifecycle"
    assert viewer.get(answer["Location"]).status_code == 200


def test_the_first_event_of_a_key_has_the_initial_state_before_it(
    viewer: Client, log: Log, append: AppendEvents, at: str
) -> None:
    append("a-1", {})
    make_subscription(log)
    bury(log)
    assert "before its first event" in get(viewer, f"{at}dead-letters/work:1")
    assert viewer.get(f"{at}dead-letters/work:1?to=replay")["Location"] == f"{at}replay/stream/a-1/0?by=latest"


@pytest.mark.parametrize(
    ("projection", "words"), [("gone", "There is no projection"), ("raising", "The reducer raised before this event")]
)
def test_a_projection_that_is_gone_or_raises_leaves_the_rest_of_the_page(
    viewer: Client, log: Log, at: str, monkeypatch: pytest.MonkeyPatch, projection: str, words: str
) -> None:
    monkeypatch.setitem(registry.PROJECTIONS, "raising", totals(name="raising"))
    append_all(log, [poisoned("a-1"), poisoned("a-1")])
    make_subscription(log, projection=projection, start=1, read_to=1)
    bury(log)
    text = get(viewer, f"{at}dead-letters/work:2")
    assert words in text
    assert "it broke" in text


@pytest.mark.usefixtures("letters")
def test_a_redaction_empties_what_attempts_said(viewer: Client, log: Log, at: str) -> None:
    assert "no answer in 10 s" in get(viewer, f"{at}dead-letters/work:2")
    commands.redact_event(log, 2)
    for page in ("dead-letters/work:2", "dead-letters/work:2?format=md"):
        text = get(viewer, f"{at}{page}")
        assert "no answer" not in text
        assert "mail.py&quot;, line 88" not in text
    text = get(viewer, f"{at}dead-letters/work:2")
    assert '<span class="tag">redacted</span>' in text
    assert "<b>Redacted</b>" in text
    assert "redacted" in get(viewer, f"{at}dead-letters/")
    get(viewer, f"{at}dead-letters/work:2?traceback=1", 404)


def test_long_names_texts_and_payloads_are_cut(viewer: Client, log: Log, append: AppendEvents, at: str) -> None:
    long = "n" * 200
    append(long, {"type": long, "agent": long, "correlation_id": long, "data": b'{"text": "%s"}' % (b"x" * 88_000)})
    make_subscription(log, name="s" * 63, order_by="workflow")
    frames = "".join(f'  File "app/a{n}.py", line {n}, in step\n    call()\n' for n in range(2_500))
    bury(log, failure(long, "m" * 5_000, frames), subscription="s" * 63, consumer=long)
    for page in ("", f"{'s' * 63}:1"):
        assert len(get(viewer, f"{at}dead-letters/{page}")) < 60_000
    assert get(viewer, f"{at}dead-letters/{'s' * 63}:1?traceback=1") == frames


def test_four_hundred_letters_in_forty_keys_are_one_group_of_few_rows(
    viewer: Client, log: Log, append: AppendEvents, at: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for n in range(40):
        append(f"order-{n}", *[{"type": "Placed"}] * 10)
    make_subscription(log, passes_dead_letters=True)
    bury(log, TIMEOUT, all=True)
    text = get(viewer, f"{at}dead-letters/")
    assert "40 keys go on" in text
    assert "8 of 400 letters" in text
    group = f"work:{TIMEOUT.fault}"
    # session, person, member; states, done; jobs; deaths, faults, letters; the navigation; parked keys
    with django_assert_num_queries(11):
        opened = get(viewer, f"{at}dead-letters/?open={group}")
    assert positions(opened) == list(range(400, 350, -1))
    [after] = re.findall(r"after=(work%3A\d+)", opened)[:1]
    assert positions(get(viewer, f"{at}dead-letters/?open={group}&after={after}")) == list(range(350, 300, -1))


def test_parked_keys_of_projections_stand_in_the_same_table(
    viewer: Client, log: Log, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    projection = totals(name="totals", policy="park")
    declare_only(monkeypatch, projection)
    append_all(log, [poisoned("a-1"), poisoned("b-1"), *varied(3)])
    settle(log, projection)
    text = get(viewer, f"{at}dead-letters/")
    assert "2<small>parked keys</small>" in text
    assert "projection · " in text
    assert f"{at}projections/totals/#parked" in text
    assert f'href="{at}dead-letters/"' in get(viewer, f"{at}projections/totals/")
    assert "parked" in get(viewer, f"{at}dead-letters/?format=md")


@pytest.mark.usefixtures("letters")
def test_the_pages_are_json_and_markdown_too(viewer: Client, log: Log, at: str) -> None:
    assert viewer.get(f"{at}dead-letters/?format=json")["Location"] == f"/api/dead-letters?log={log.name}"
    of_one = viewer.get(f"{at}dead-letters/?format=json&state=escalated&subscription=work&q=a:1")["Location"]
    assert of_one == f"/api/dead-letters?log={log.name}&state=escalated&subscription=work&q=a%3A1"
    assert viewer.get(f"{at}dead-letters/work:2?format=json")["Location"] == f"/api/dead-letters/work:2?log={log.name}"
    assert "`Timeout`: `no answer in # s`" in get(viewer, f"{at}dead-letters/?format=md")
    letter = get(viewer, f"{at}dead-letters/work:2?format=md")
    assert "who could see up to #7: `Timeout`: `no answer in 10 s`" in letter
    assert '{"amount":7}' in letter


@pytest.mark.usefixtures("letters")
def test_a_stranger_sees_nothing(client: Client, log: Log, at: str) -> None:
    user = make_user()
    make_member(make_log(), user=user, role=Role.ADMIN)
    client.force_login(user)
    for page in ("", "work:2"):
        get(client, f"{at}dead-letters/{page}", 404)


def test_letters_of_each_state_are_listed_apart(viewer: Client, log: Log, append: AppendEvents, at: str) -> None:
    states = ("open", "retrying", "escalated", "skipped", "closed")
    for state in states:
        append(f"{state}-1", {})
    make_subscription(log)
    bury(log)
    for position, state in enumerate(states, start=1):
        DeadLetter.objects.filter(log=log, position=position).update(state=state, assigned_to="mara", decided_by="jon")
    for word, expected in {"undecided": [1], "retrying": [2], "escalated": [3], "done": [5, 4]}.items():
        assert positions(get(viewer, f"{at}dead-letters/?state={word}")) == expected
    assert "escalated to mara" in get(viewer, f"{at}dead-letters/?state=escalated")
    for position in range(1, 6):
        get(viewer, f"{at}dead-letters/work:{position}")


def positions(page: str) -> list[int]:
    """The positions of the letters that a page lists."""
    return [int(position) for position in re.findall(r'id="l-[^":]*:(\d+)"', page)]


@pytest.mark.usefixtures("letters")
def test_letters_are_found_by_themselves_and_by_their_events(viewer: Client, at: str) -> None:
    for asked, found in (
        ("error:Time*", ["work:2", "work:4"]),
        ("key:order-1", ["work:2"]),
        ("error:Time* type:Paid stream:order-2", ["work:4"]),
        ("attempts>0 since:1h", ["work:2", "work:4"]),  # the letters of the first fault
        ("attempts>1", []),
    ):
        text = get(viewer, f"{at}dead-letters/?q={quote(asked)}")
        assert sorted(set(re.findall(r'id="l-(work:\d)"', text))) == found, asked
        assert "Nothing matches" in text or found
    assert "put parentheses around" in get(viewer, f"{at}dead-letters/?q=error:A+OR+type:B", 400)


def test_a_letter_is_copied_as_fixtures_for_a_test(
    viewer: Client, log: Log, append: AppendEvents, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    amount = '{"amount": 1.50, "text": "\'\'\'\\"\\"\\"\u202e{}", "no": null}'
    append("order-1", {"type": "Placed", "data": amount.encode()}, {"type": "Paid", "data": b'{"paid": true}'})
    make_subscription(log, query="type:Paid")
    bury(log, failure("Bad\u202e", '"""', TRACEBACK))
    answer = viewer.get(f"{at}dead-letters/work:2?format=pytest")
    assert answer["Content-Disposition"] == 'attachment; filename="work_2.py"'
    source = answer.content.decode()
    assert "\u202e" not in source
    copied: dict[str, Any] = {}
    exec(source, copied)
    assert (copied["EVENT"]["position"], copied["EVENT"]["data"]) == (2, {"paid": True})
    assert copied["STATE_BEFORE"] == loads(amount)
    assert str(copied["STATE_BEFORE"]["amount"]) == "1.50"
    assert "Bad" in copied["__doc__"]
    assert "?format=pytest" in get(viewer, f"{at}dead-letters/work:2")
    monkeypatch.setattr("projections.dead_letters.fixture._MAX_CHARACTERS", 10)
    assert "the limit is 10" in get(viewer, f"{at}dead-letters/work:2?format=pytest", 413)
    monkeypatch.delitem(registry.PROJECTIONS, "latest")
    assert "not known" in get(viewer, f"{at}dead-letters/work:2?format=pytest", 409)
