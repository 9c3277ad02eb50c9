"""Operators retry, escalate and skip letters on pages: one, some, all of a fault; viewers see no way to."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from events.models import BreakerState, DeadLetter, Log, Member, Role, Subscription
from events.subscriptions.faults import failure
from projections.models import Job, JobStatus, Parked
from tests.support.dead_letters import acknowledge, bury, do_job
from tests.support.factories import make_member
from tests.support.fixture_types import AppendEvents
from tests.support.running import append as append_all
from tests.support.running import declare_only, poisoned, settle, totals, varied
from tests.support.subscriptions import make_breaker, make_subscription

TIMEOUT = failure("Timeout", "no answer in 10 s", None)
ALIKE = {"subscription": "work", "fault": TIMEOUT.fault, "all": "1"}


@pytest.fixture
def operator(client: Client, log: Log, user: User) -> Client:
    make_member(log, user=user, role=Role.OPERATOR)
    client.force_login(user)
    return client


@pytest.fixture
def letters(log: Log, append: AppendEvents) -> None:
    """Thirty letters of one fault, in three keys that go on."""
    for order in ("order-1", "order-2", "order-3"):
        append(order, *[{"type": "Placed"}] * 10)
    make_subscription(log, passes_dead_letters=True)
    bury(log, TIMEOUT, all=True)


@pytest.fixture
def decide(at: str) -> str:
    return f"{at}dead-letters/decide"


def states(log: Log, *positions: int) -> list[str]:
    letters = (
        DeadLetter.objects.filter(log=log, position__in=positions) if positions else DeadLetter.objects.filter(log=log)
    )
    return [letter.state for letter in letters.order_by("position")]


@pytest.mark.usefixtures("letters")
def test_the_question_counts_before_anything_is_done(operator: Client, log: Log, decide: str) -> None:
    text = operator.get(f"{decide}?{urlencode({**ALIKE, 'decision': 'retry'})}").content.decode()
    assert "30 letters, 3 keys: retry one first?" in text
    assert "Retry 1, then 29" in text
    assert 'name="canary" value="1" checked' in text
    assert "work:1" in text
    text = operator.get(f"{decide}?{urlencode({**ALIKE, 'decision': 'retry', 'at_once': 1})}").content.decode()
    assert "30 letters, 3 keys: retry them?" in text
    assert 'name="canary" value="1">' in text
    text = operator.get(f"{decide}?subscription=work&position=1&position=2&decision=skip").content.decode()
    assert "2 letters: skip them?" in text
    assert set(states(log)) == {"open"}


@pytest.mark.usefixtures("letters")
def test_one_letter_is_decided_on_its_own_page(operator: Client, log: Log, at: str, decide: str) -> None:
    text = operator.get(f"{at}dead-letters/work:1?decision=escalate").content.decode()
    assert "1 letter: escalate it?" in text
    assert "It stays dead, and its key waits, until" in text
    one = {"subscription": "work", "position": "1", "letter": "work:1"}
    answer = operator.post(decide, {**one, "decision": "escalate", "to": "mara", "note": "why"})
    assert (answer.status_code, answer["Location"]) == (302, f"{at}dead-letters/work:1")
    letter = DeadLetter.objects.get(log=log, position=1)
    by = Member.objects.get(log=log).user.get_username()
    assert (letter.state, letter.assigned_to, letter.note, letter.decided_by) == ("escalated", "mara", "why", by)
    text = operator.get(answer["Location"]).content.decode()
    assert "1 letter escalated." in text
    assert "mara" in text
    operator.post(decide, {**one, "decision": "skip"})
    assert states(log, 1) == ["skipped"]
    assert "There is nothing to decide any more" in operator.get(f"{at}dead-letters/work:1").content.decode()


@pytest.mark.usefixtures("letters")
def test_some_chosen_letters_are_decided_together(operator: Client, log: Log, at: str, decide: str) -> None:
    body = {"decision": "skip", "subscription": "work", "fault": TIMEOUT.fault, "state": "undecided"}
    answer = operator.post(decide, {**body, "position": ["3", "1"]})
    assert answer["Location"] == f"{at}dead-letters/?open=work%3A{TIMEOUT.fault}"
    assert states(log, 1, 2, 3) == ["skipped", "open", "skipped"]
    answer = operator.post(decide, {**body, "position": ["1", "2"]}, follow=True)
    assert "1 letter skipped. About 1 there was nothing to decide any more." in answer.content.decode()


@pytest.mark.usefixtures("letters")
def test_all_letters_that_fit_a_query_are_decided_by_one_question(
    operator: Client, log: Log, at: str, decide: str
) -> None:
    query = urlencode({"q": "stream:order-2", "subscription": "work"})
    text = operator.get(f"{at}dead-letters/?{query}").content.decode()
    assert "10 letters</strong>" in text
    assert "Skip all…" in text
    target = {"q": "stream:order-2", "subscription": "work", "all": "1", "decision": "skip"}
    assert "10 letters, 1 key: skip them?" in operator.get(f"{decide}?{urlencode(target)}").content.decode()
    answer = operator.post(decide, target, follow=True)
    assert "10 letters skipped." in answer.content.decode()
    assert states(log).count("skipped") == 10
    assert states(log, *range(11, 21)) == ["skipped"] * 10
    assert "No letter of nope is undecided" in operator.get(f"{at}dead-letters/?subscription=nope").content.decode()


@pytest.mark.usefixtures("letters")
def test_the_others_follow_when_the_canary_is_acknowledged(operator: Client, log: Log, at: str, decide: str) -> None:
    answer = operator.post(decide, {**ALIKE, "decision": "retry", "canary": "1"}, follow=True)
    assert "A job has begun" in answer.content.decode()
    do_job(log)
    assert states(log).count("retrying") == 1
    text = operator.get(f"{at}dead-letters/").content.decode()
    assert "Retrying 30 letters" in text
    assert re.search(r'title="A job is at work">.*?</svg>\s*1 of 30', text, re.DOTALL)
    assert "Retry one first…" not in text
    assert "is retried, and not settled yet" in text
    assert "Retrying 30 letters" in operator.get(f"{at}dead-letters/work:7").content.decode()
    acknowledge(log)
    assert do_job(log).status == JobStatus.DONE
    assert states(log).count("retrying") == 29
    assert "is retried, and not settled yet" not in operator.get(f"{at}dead-letters/").content.decode()


@pytest.mark.usefixtures("letters")
def test_a_job_says_what_its_canary_waits_for(operator: Client, log: Log, at: str, decide: str) -> None:
    operator.post(decide, {**ALIKE, "decision": "retry", "canary": "1"})
    do_job(log)
    work = Subscription.objects.get(log=log)
    breaker = make_breaker(work, state=BreakerState.OPEN, until=timezone.now() + timedelta(seconds=90))
    list_url, letter_url = f"{at}dead-letters/", f"{at}dead-letters/work:7"
    for url in (list_url, letter_url):
        text = " ".join(operator.get(url).content.decode().split())
        assert re.search(r"waits for the breaker, which lets one through <time [^>]*data-due>in 1 min", text)
    breaker.state, breaker.trial = BreakerState.HALF_OPEN, 9
    breaker.save()
    assert "which tries #9 first" in operator.get(list_url).content.decode()
    breaker.trial = 1  # the canary
    breaker.save()
    assert "is retried, and not settled yet" in operator.get(list_url).content.decode()
    Subscription.objects.filter(log=log).update(is_paused=True)
    assert "waits: its subscription is paused" in operator.get(list_url).content.decode()


@pytest.mark.usefixtures("letters")
def test_an_open_page_of_a_letter_is_answered_when_there_is_news(operator: Client, log: Log, at: str) -> None:
    url = f"{at}dead-letters/work:1"
    [seen] = re.findall(r'"X-Seen": "(\w+)"', operator.get(url).content.decode())
    again = {"HX-Request": "true", "X-Seen": seen}
    assert operator.get(url, headers=again).status_code == 204
    DeadLetter.objects.filter(log=log, position=1).update(state="retrying")
    answer = operator.get(url, headers=again)
    assert (answer.status_code, answer.content.decode().lstrip()[:16]) == (200, '<div id="letter"')
    assert "Retrying" in answer.content.decode()
    DeadLetter.objects.filter(log=log, position=1).update(state="done")
    assert "X-Seen" not in operator.get(url, headers=again).content.decode()


@pytest.mark.usefixtures("letters")
def test_a_canary_that_fails_again_stops_the_job_and_the_page_says_so(
    operator: Client, log: Log, at: str, decide: str
) -> None:
    operator.post(decide, {**ALIKE, "decision": "retry", "canary": "1"})
    do_job(log)
    bury(log, TIMEOUT)
    assert do_job(log).status == JobStatus.DONE
    assert set(states(log)) == {"open"}
    assert "its canary failed again" in operator.get(f"{at}dead-letters/").content.decode()


@pytest.mark.usefixtures("letters")
def test_a_job_stops_when_some_failed_again_and_the_page_says_so(
    operator: Client, log: Log, at: str, decide: str
) -> None:
    retry = {**ALIKE, "decision": "retry"}
    assert 'name="stop_after" value="3"' in operator.get(f"{decide}?{urlencode(retry)}").content.decode()
    assert operator.post(decide, {**retry, "stops": "1", "stop_after": "0"}).status_code == 400
    operator.post(decide, {**retry, "stops": "1", "stop_after": "2"})
    do_job(log)
    assert states(log).count("retrying") == 2
    assert "0 failed again, it stops at 2" in operator.get(f"{at}dead-letters/").content.decode()
    bury(log, TIMEOUT, all=True)
    assert do_job(log).status == JobStatus.DONE
    assert set(states(log)) == {"open"}
    text = operator.get(f"{at}dead-letters/").content.decode()
    assert "2 failed again · 2 of 30" in " ".join(text.split())


@pytest.mark.usefixtures("letters")
def test_a_job_is_cancelled_on_the_page(operator: Client, log: Log, at: str, decide: str) -> None:
    operator.post(decide, {**ALIKE, "decision": "retry", "canary": "1"})
    [job] = Job.objects.filter(log=log)
    answer = operator.post(f"{at}dead-letters/jobs/{job.id}/cancel", follow=True)
    assert "The job ends as soon as it can" in answer.content.decode()
    assert Job.objects.get(log=log).status == JobStatus.CANCELLED
    assert set(states(log)) == {"open"}


@pytest.mark.usefixtures("letters")
def test_letters_without_an_order_to_whom_are_not_escalated(operator: Client, log: Log, decide: str) -> None:
    answer = operator.post(decide, {**ALIKE, "decision": "escalate", "note": "see the gateway"})
    assert answer.status_code == 400
    text = answer.content.decode()
    assert "to must name" in text
    assert "see the gateway" in text
    assert set(states(log)) == {"open"}


@pytest.mark.usefixtures("letters")
@pytest.mark.parametrize(
    "fields",
    [
        {"decision": "retry", "subscription": "work"},
        {"decision": "burn", "subscription": "work", "position": "1"},
        {"decision": "retry", "subscription": "work", "position": "x"},
        {"decision": "retry", "subscription": "work", "all": "1", "q": "a:"},
        {"decision": "retry", "subscription": "work", "projection": "latest", "all": "1"},
        {"decision": "retry", "subscription": "work", "all": "1", "state": "done"},
        {},
    ],
)
def test_a_form_that_names_nothing_decides_nothing(
    operator: Client, log: Log, decide: str, fields: dict[str, str]
) -> None:
    assert operator.get(f"{decide}?{urlencode(fields)}").status_code == 400
    assert operator.post(decide, fields).status_code == 400
    assert set(states(log)) == {"open"}


@pytest.mark.usefixtures("letters")
def test_viewers_see_letters_and_no_decision(client: Client, user: User, log: Log, at: str, decide: str) -> None:
    make_member(log, user=user)
    client.force_login(user)
    for page in ("", "work:1"):
        text = client.get(f"{at}dead-letters/{page}").content.decode()
        assert "decide?" not in text
        assert "skip…" not in text
        assert '<button class="button primary"' not in text
    assert client.get(f"{decide}?{urlencode({**ALIKE, 'decision': 'retry'})}").status_code == 404
    assert client.post(decide, {**ALIKE, "decision": "skip"}).status_code == 404
    assert client.post(f"{at}dead-letters/jobs/1/cancel").status_code == 404
    assert set(states(log)) == {"open"}


def test_parked_keys_are_retried_by_the_same_question(
    operator: Client, log: Log, at: str, decide: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    projection = totals(name="totals", policy="park")
    declare_only(monkeypatch, projection)
    append_all(log, [poisoned("a-1"), poisoned("b-1"), *varied(3)])
    settle(log, projection)
    text = operator.get(f"{at}dead-letters/").content.decode()
    [fault] = set(re.findall(r"projection=totals&amp;fault=(\w+)", text))
    fields = {"projection": "totals", "fault": fault, "all": "1"}
    asked = operator.get(f"{decide}?{urlencode({**fields, 'decision': 'skip'})}")
    assert "2 parked keys: skip them?" in asked.content.decode()
    answer = operator.post(decide, {**fields, "decision": "skip"}, follow=True)
    assert "2 parked keys skipped." in answer.content.decode()
    assert set(Parked.objects.filter(log=log).values_list("is_retried", flat=True)) == {True}
