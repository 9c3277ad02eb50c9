"""The pages of subscriptions: the list, and one subscription."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from events import redaction
from events.models import Breaker, BreakerState, Delivery, DeliveryState, Log, Subscription
from events.views.subscriptions.listing import ROWS
from tests.support.factories import make_log
from tests.support.fixture_types import AppendEvents
from tests.support.subscriptions import make_breaker, make_consumer, make_delivery, make_letter, make_subscription

HTMX: dict[str, Any] = {"HTTP_HX_REQUEST": "true"}


def text_of(client: Client, path: str, **headers: Any) -> str:
    """The words of a page, without its tags."""
    answer = client.get(path, **headers)
    assert answer.status_code == 200, answer.content
    text = re.sub(r"</?(?:strong|bdi|time|a|b|code)\b[^>]*>", "", answer.content.decode())
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


def seen_in(page: str) -> dict[str, Any]:
    [version] = re.findall(r'"X-Seen": "(\w+)"', page)
    return {**HTMX, "HTTP_X_SEEN": version}


@pytest.fixture
def full(log: Log, append: AppendEvents) -> Subscription:
    """A subscription whose window is full: six deliveries of `router-2` are the oldest."""
    append("order-1", *({"type": "Placed"} for _ in range(12)))
    work = make_subscription(log, max_in_flight=8, read_to=9)
    held_since = timezone.now() - timedelta(minutes=14, seconds=5)
    for position in range(1, 7):
        make_delivery(work, position, consumer="router-2", taken_at=held_since, waiting=int(position == 1))
    for name in ("router-1", "router-2"):
        make_consumer(work, name)
    for position in (7, 8):
        make_delivery(work, position, consumer="router-1", attempt=2)
    return work


def test_a_log_without_subscriptions_says_how_to_make_one(viewer: Client, at: str) -> None:
    assert "No subscriptions yet" in text_of(viewer, f"{at}subscriptions/")


def test_the_list_shows_what_each_subscription_holds(viewer: Client, at: str, full: Subscription, log: Log) -> None:
    make_subscription(log, name="notify", query="type:Placed", read_to=12, passes_dead_letters=True)
    passed = make_subscription(log, name="passes", read_to=12)
    make_letter(passed, 3, holds=False)
    text = text_of(viewer, f"{at}subscriptions/")
    assert "work: window full: 8 of 8, oldest held by router-2 for 14 min" in text
    assert re.search(r"notify type:Placed 12 \d+ s ago 0", text), "its last event was recorded a moment ago"
    assert re.search(
        r"work all events 9 \d+ s ago 3 .* 0 oldest \d+ s 8 of 8 1 1 key 0 – 2 · [\d.]+/min router-\d, router-\d", text
    )
    assert "1 passed" in text
    assert "work : read to 9, floor 0, 8 in flight" in text


def test_a_choice_leaves_the_others_out(viewer: Client, at: str, full: Subscription, log: Log) -> None:
    make_subscription(log, name="asleep", read_to=12, is_paused=True)

    def names(query: str) -> list[str]:
        return re.findall(r'id="s-([\w-]+)"', viewer.get(f"{at}subscriptions/{query}").content.decode())

    assert names("") == ["asleep", "work"]
    assert names("?show=look") == ["work"]
    assert names("?show=paused") == ["asleep"]
    assert viewer.get(f"{at}subscriptions/?show=nope").status_code == 400
    Subscription.objects.filter(log=log, name="work").update(max_in_flight=9)
    assert "No subscription needs a look" in text_of(viewer, f"{at}subscriptions/?show=look")


def test_a_choice_leaves_other_states_of_the_breaker_out(viewer: Client, at: str, log: Log) -> None:
    breaker = {"failures": 2, "of": 4, "minimum": 2, "pause": 60}
    for name, paused in (("a-open", True), ("b-open", False), ("c-half", False), ("d-closed", False)):
        make_subscription(log, name=name, breaker=breaker, is_paused=paused)
    make_subscription(log, name="e-none")
    made = {each.name: each for each in Subscription.objects.filter(log=log)}
    make_breaker(made["a-open"], "")
    make_breaker(made["b-open"], "one")
    make_breaker(made["b-open"], "two", state=BreakerState.HALF_OPEN)
    make_breaker(made["c-half"], "", state=BreakerState.HALF_OPEN)
    make_breaker(made["d-closed"], "", state=BreakerState.CLOSED)

    def names(query: str) -> list[str]:
        return re.findall(r'id="s-([\w-]+)"', viewer.get(f"{at}subscriptions/?{query}").content.decode())

    chosen = {kind: names(f"breaker={kind}") for kind in ("open", "half-open", "closed", "none")}
    expected = {"open": ["a-open", "b-open"], "half-open": ["c-half"], "closed": ["d-closed"], "none": ["e-none"]}
    assert chosen == expected
    assert names("breaker=open&show=paused") == ["a-open"]
    text = text_of(viewer, f"{at}subscriptions/?breaker=open")
    assert "All 2 Need a look 0 Paused 1 Breaker Any 5 Open 2 Half-open 1 Closed 1 None 1" in text
    assert "Any 1 Open 1 Half-open 0" in text_of(viewer, f"{at}subscriptions/?show=paused")
    assert "No subscription fits this choice" in text_of(viewer, f"{at}subscriptions/?breaker=none&show=paused")
    assert viewer.get(f"{at}subscriptions/?breaker=nope").status_code == 400


def test_letters_in_a_lane_lead_to_the_letter_or_to_the_list(
    viewer: Client, at: str, log: Log, append: AppendEvents
) -> None:
    append("order-1", *({} for _ in range(400)))
    work = make_subscription(log, read_to=400)
    for position in (2, 3, 390):
        make_letter(work, position)
    page = viewer.get(f"{at}subscriptions/").content.decode()
    lane = page[page.index('class="lane"') :]
    assert re.findall(r'<a href="([^"]+)" tabindex="-1"><title>([^<]+)', lane) == [
        (f"{at}dead-letters/?subscription=work", "2 dead letters from #2 on"),
        (f"{at}dead-letters/work:390", "Dead letter #390"),
    ]
    for address in ("?subscription=work", "work:390"):
        assert viewer.get(f"{at}dead-letters/{address}").status_code == 200


def test_a_long_list_has_pages(viewer: Client, at: str, log: Log) -> None:
    for n in range(ROWS + 1):
        make_subscription(log, name=f"s-{n:03}")
    page = viewer.get(f"{at}subscriptions/").content.decode()
    assert page.count("data-row") == ROWS
    [after] = re.findall(r'rel="next" href="([^"]+)"', page)
    rest = viewer.get(f"{at}subscriptions/{after}").content.decode()
    assert re.findall(r'id="s-([\w-]+)"', rest) == [f"s-{ROWS:03}"]


def test_the_page_says_first_why_nothing_comes(viewer: Client, at: str, full: Subscription) -> None:
    text = text_of(viewer, f"{at}subscriptions/work")
    assert "Window full: 8 of 8, oldest held by router-2 for 14 min" in text
    assert text.index("Window full: 8 of 8") < text.index("In flight 8 deliveries, oldest first")
    assert re.search(r"#1 key-1 router-2 1 of 3 14 min 19 s .*#8 key-8 router-1 2 of 3 10 s", text)
    assert re.search(r"key-1 In flight with router-2 #1 1 14 min", text)
    assert re.search(
        r"router-1 takes [\d.]+/min \d s 2 oldest \d+ s router-2 takes [\d.]+/min \d s 6 oldest 14 min", text
    )


def test_the_page_names_who_holds_most_and_what_is_held_for_long(
    viewer: Client, at: str, full: Subscription, log: Log
) -> None:
    page = viewer.get(f"{at}subscriptions/work").content.decode()
    assert "oldest first router-2 6 · router-1 2" in text_of(viewer, f"{at}subscriptions/work")
    held = re.findall(r'<td class="r mono( worse)?"><time class="ago"', page[: page.index("consumers-h")])
    assert held == [" worse"] * 6 + [""] * 2, "the deadline of thirty seconds was extended"


def test_letters_and_agents_are_linked(viewer: Client, at: str, full: Subscription) -> None:
    assert 'id="letters"' not in viewer.get(f"{at}subscriptions/work").content.decode()
    make_letter(full, 9, holds=False)
    make_consumer(full, "router-3", agent="the router")
    page = viewer.get(f"{at}subscriptions/work").content.decode()
    assert f'id="letters" data-key="d" href="{at}dead-letters/?subscription=work">1<' in page
    assert f'href="{at}agents/?prefix=the+router"><bdi>router-3' in page


def test_a_subscription_from_which_nobody_takes_says_so(
    viewer: Client, at: str, log: Log, append: AppendEvents
) -> None:
    append("order-1", {}, {})
    work = make_subscription(log)
    text = text_of(viewer, f"{at}subscriptions/work")
    assert "Nobody takes. 2 positions were not read yet; no consumer was seen in the last day." in text
    assert "work: nobody takes, and it is 2 positions behind." in text_of(viewer, f"{at}subscriptions/")
    make_consumer(work, "night-job", last_seen_at=timezone.now() - timedelta(hours=2, minutes=6), in_minute=0)
    assert "night-job was seen 2 h 6 min ago." in text_of(viewer, f"{at}subscriptions/work")
    assert "0 · 0/min last 2 h 6 min ago" in text_of(viewer, f"{at}subscriptions/")
    make_consumer(work, "router-1", agent="router")
    text = text_of(viewer, f"{at}subscriptions/work")
    assert "Nobody takes" not in text
    assert re.search(r"router-1 takes [\d.]+/min as router \d s", text)


def test_a_breaker_is_shown_with_what_it_means(viewer: Client, at: str, full: Subscription, log: Log) -> None:
    text = text_of(viewer, f"{at}subscriptions/")
    assert "None" in text
    assert "tries one" not in text
    Subscription.objects.filter(log=log).update(breaker={"failures": 12, "of": 20, "minimum": 6, "pause": 60.0})
    make_breaker(full, state=BreakerState.CLOSED, until=None, outcomes="0100")
    make_breaker(full, "router-1")
    text = text_of(viewer, f"{at}subscriptions/")
    assert "Closed router-1 open" in text
    text = text_of(viewer, f"{at}subscriptions/work")
    assert "The breaker of router-1 is open." in text
    assert re.search(r"router-1 takes [\d.]+/min \d+ s 2 oldest \d+ s Open tries one in 4[12] s", text)
    assert "breaker 12 of 20, at least 6, pause 60 s" in text

    Breaker.objects.filter(log=log, consumer="").delete()
    make_breaker(full, outcomes="0111")
    make_letter(full, 9)
    text = text_of(viewer, f"{at}subscriptions/")
    assert re.search(r"work: its breaker is open, and tries one event in 4[12] s", text)
    assert "3 of the last 4 deliveries failed. 1 dead letter of work" in text
    text = text_of(viewer, f"{at}subscriptions/work")
    assert re.search(r"Breaker open: it tries one event in 4[12] s", text)
    assert "3 of the last 4 deliveries failed" in text
    Breaker.objects.filter(log=log).update(state=BreakerState.HALF_OPEN, until=None, trial=7)
    text = text_of(viewer, f"{at}subscriptions/work")
    assert "Breaker half-open: #7 is its trial." in text
    assert "Half-open tries #7" in text_of(viewer, f"{at}subscriptions/")


def test_what_is_due_comes_with_the_next_take(
    viewer: Client, at: str, full: Subscription, log: Log, append: AppendEvents
) -> None:
    past = timezone.now() - timedelta(seconds=1)
    Subscription.objects.filter(log=log).update(breaker={"failures": 12, "of": 20, "minimum": 6, "pause": 60.0})
    make_breaker(full, until=past)
    make_delivery(full, 9, state=DeliveryState.RETRYING, due=past)
    Delivery.objects.filter(log=log, position=8).update(due=past)
    text = text_of(viewer, f"{at}subscriptions/work")
    assert "Breaker open: it tries one event with the next take." in text
    assert text.count("Retries with the next take") == 2, "one failed, and the deadline of the other has passed"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"state": DeliveryState.IN_FLIGHT, "waiting": 2}, "In flight with one"),
        ({"state": DeliveryState.RETRYING}, "Retries in 19 s attempt 1 of 3 failed"),
        ({"state": DeliveryState.HELD, "attempt": 3, "due": None}, "Letter holds it 3 of 3 attempts"),
        ({"state": DeliveryState.PAUSED, "due": None}, "Paused its workflow is paused"),
        ({"state": DeliveryState.READY, "waiting": 1, "due": None}, "Ready comes with the next take"),
    ],
)
def test_a_key_that_waits_says_why(
    viewer: Client, at: str, log: Log, append: AppendEvents, fields: dict[str, Any], words: str
) -> None:
    append("order-1", {})
    make_delivery(make_subscription(log, read_to=1), 1, **fields)
    assert words in text_of(viewer, f"{at}subscriptions/work")


def test_a_table_says_how_much_it_leaves_out(viewer: Client, at: str, log: Log, append: AppendEvents) -> None:
    append("order-1", *({} for _ in range(250)))
    work = make_subscription(log, read_to=250)
    for position in range(1, 251):
        make_delivery(work, position, waiting=1)
    text = text_of(viewer, f"{at}subscriptions/work")
    assert "230 more, held for a shorter time · show more" in text
    assert "These are the first 20 · show more" in text
    text = text_of(viewer, f"{at}subscriptions/work?all=1")
    assert "50 more, held for a shorter time" in text
    assert "show more" not in text


def test_an_open_page_is_answered_only_with_news(viewer: Client, at: str, full: Subscription) -> None:
    for path in (f"{at}subscriptions/", f"{at}subscriptions/work"):
        seen = seen_in(viewer.get(path).content.decode())
        assert viewer.get(path, **seen).status_code == 204
        make_delivery(full, 9 if path.endswith("work") else 10)
        page = viewer.get(path, **HTMX).content.decode()  # not with X-Seen: that answer may be a second old
        assert "<html" not in page
        assert seen_in(page) != seen


def test_a_subscription_that_ends_while_its_page_is_open_says_so(
    viewer: Client, at: str, log: Log, full: Subscription
) -> None:
    path = f"{at}subscriptions/work"
    Subscription.objects.filter(log=log).delete()
    answer = viewer.get(path, **HTMX, HTTP_X_SEEN="another")
    assert "This subscription has ended" in answer.content.decode()
    assert "hx-get" not in answer.content.decode()
    assert viewer.get(path).status_code == 404


def test_pages_are_for_members(client: Client, viewer: Client, at: str, full: Subscription) -> None:
    other = make_log()
    make_subscription(other, name="secret")
    for path in ("subscriptions/", "subscriptions/secret"):
        assert viewer.get(f"/logs/{other.name}/{path}").status_code == 404
    assert viewer.get(f"{at}subscriptions/secret").status_code == 404
    client.logout()
    assert client.get(f"{at}subscriptions/").status_code == 302


def test_pages_have_other_representations(viewer: Client, at: str, log: Log, full: Subscription) -> None:
    for path, address in (("", "subscriptions"), ("work", "subscriptions/work")):
        answer = viewer.get(f"{at}subscriptions/{path}?format=json")
        assert (answer.status_code, answer["Location"]) == (302, f"/api/{address}?log={log.name}")
        markdown = viewer.get(f"{at}subscriptions/{path}", HTTP_ACCEPT="text/markdown").content.decode()
        assert "- `work`: Window full; all events; read to #9, 3 behind" in markdown
    assert "- #1 `Placed`, held by `router-2` since" in markdown
    assert "- `key-1`: 1 events wait for #1 `Placed`, which is in flight" in markdown


def test_names_and_keys_of_any_length_are_shown(viewer: Client, at: str, log: Log, append: AppendEvents) -> None:
    append("s" * 200, {"type": "T" * 200})
    name, key = "n" * 63, "<b>" + "k" * 597
    work = make_subscription(log, name=name, order_by="/" + "p" * 500, query="type:" + "q" * 190, read_to=1)
    make_delivery(work, 1, key=key, consumer="c" * 200, waiting=1)
    for path in ("", name):
        page = viewer.get(f"{at}subscriptions/{path}").content.decode()
        assert name in page
        assert "<b>k" not in page
    assert "&lt;b&gt;" in page


@pytest.mark.parametrize("kind", ["html", "md"])
def test_a_key_that_was_redacted_is_told_from_none(
    viewer: Client, at: str, log: Log, append: AppendEvents, kind: str
) -> None:
    append("order-1", *({"type": "Placed", "data": b'{"mail": "secret"}'} for _ in range(3)))
    work = make_subscription(log, order_by="/mail", read_to=3)
    make_delivery(work, 1, key="secret", waiting=1)
    redaction.redact(log.pk, 1, reason="a secret", by="ada")
    path = f"{at}subscriptions/work" + ("?format=md" if kind == "md" else "")
    text = viewer.get(path).content.decode()
    assert "secret" not in text
    assert ">no key<" not in text
    words, count = (">redacted<", 2) if kind == "html" else ("- redacted: 1 events wait for #1", 1)
    assert text.count(words) == count
    make_delivery(work, 2, key=None)
    assert kind == "md" or ">no key<" in viewer.get(path).content.decode()
