"""The page Connect: who may have a token, what its lines hold, and what it shows of what comes."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.test import AsyncClient, Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from events.access.tokens import hash_of
from events.api.otlp import exporters
from events.models import Log, OtelTrace, Role, Scope, Token
from events.otel.worker import working
from events.views import held
from events.views.connect.frameworks import FRAMEWORKS
from events.views.subscriptions.shared_read import SharedRead
from tests.support.connect import AGENT, came_of, sign_in, words
from tests.support.factories import make_member
from tests.support.otel import (
    PROTOBUF,
    export,
    new_trace,
    pass_time,
    records,
    send,
    span,
    work,
)

TOOL: dict[str, Any] = {"gen_ai__operation__name": "execute_tool"}


def token_in(html: str) -> str:
    texts: set[str] = set(re.findall(r"evt_[\w-]{43}", html))
    assert len(texts) == 1
    return texts.pop()


@sync_to_async
def only_token(log: Log) -> Token:
    return Token.objects.get(log=log)


async def test_only_a_post_of_an_admin_makes_a_token(log: Log, admin: AsyncClient, at: str) -> None:
    for role in (Role.VIEWER, Role.OPERATOR):
        other = await sign_in(log, role)
        assert [(await other.get(at)).status_code, (await other.post(at)).status_code] == [404, 404]
        assert f'href="{at}"' not in (await other.get(f"/logs/{log.name}/streams/")).content.decode()
    page = (await admin.get(at, {"framework": "crewai"})).content.decode()
    assert "$EVENTSITE_TOKEN" in page
    assert f'href="{at}"' in page
    assert not await Token.objects.filter(log=log).aexists()


async def test_a_token_appends_only_is_named_after_its_framework_and_is_shown_once(
    log: Log, admin: AsyncClient, at: str
) -> None:
    answer = await admin.post(at, {"framework": "crewai"})
    text = token_in(answer.content.decode())
    token = await only_token(log)
    assert bytes(token.hash) == hash_of(text)
    assert (token.scopes, token.name, token.expires_at) == ([Scope.APPEND], "CrewAI by OpenTelemetry", None)
    assert "no-store" in answer["Cache-Control"]
    reloaded = answer["HX-Replace-Url"]
    assert text not in (await admin.get(reloaded)).content.decode()
    assert text not in reloaded


async def test_another_framework_is_shown_with_the_same_token(log: Log, admin: AsyncClient, at: str) -> None:
    text = token_in((await admin.post(at, {"framework": "crewai"})).content.decode())
    page = (await admin.post(at, {"framework": "smolagents", "made": text})).content.decode()
    assert token_in(page) == text
    assert (await only_token(log)).name == "smolagents by OpenTelemetry"
    await Token.objects.filter(log=log).aupdate(last_used_at=timezone.now())
    await admin.post(at, {"framework": "http", "made": text})
    assert (await only_token(log)).name == "smolagents by OpenTelemetry"


async def test_a_token_that_is_not_good_for_these_lines_is_not_kept(
    log: Log, other_log: Log, admin: AsyncClient, at: str, token: str
) -> None:
    revoked = token_in((await admin.post(at)).content.decode())
    await Token.objects.filter(hash=hash_of(revoked)).aupdate(revoked_at=timezone.now())
    foreign = token_in(
        (await (await sign_in(other_log, Role.ADMIN)).post(f"/logs/{other_log.name}/connect/")).content.decode()
    )
    for text in (token, revoked, foreign, "evt_<script>", "\0"):  # `token` also reads
        page = (await admin.post(at, {"made": text})).content.decode()
        assert token_in(page) not in (token, revoked, foreign)
        assert "<script>alert" not in page


@pytest.mark.parametrize("slug", FRAMEWORKS)
def test_lines_have_the_address_under_which_the_person_sees_the_server(
    log: Log, user: User, at: str, slug: str, settings: Settings
) -> None:
    settings.ALLOWED_HOSTS = ["events.example"]
    make_member(log, user=user, role=Role.ADMIN)
    admin = Client(headers={"host": "events.example:8123"})
    admin.force_login(user)
    page = admin.post(at, {"framework": slug}).content.decode()
    assert "http://events.example:8123" in page
    assert "{endpoint}" not in page
    assert "{token}" not in page
    assert FRAMEWORKS[slug].title in page


async def test_what_is_held_is_a_tree_that_shows_what_has_not_come(
    client: httpx2.AsyncClient, log: Log, admin: AsyncClient, at: str, shown: Callable[..., Awaitable[str]]
) -> None:
    trace = new_trace()
    agent = span(trace, 3, 2, name="invoke_agent router", gen_ai__agent__name="router", **AGENT)
    tool = span(trace, 4, 3, gen_ai__operation__name="execute_tool", gen_ai__tool__name="reserve_van")
    await send(client, export(tool, agent))
    await client.post("/v1/metrics", content=b"", headers=PROTOBUF)
    token = await came_of(log, client)
    text = await shown(token)
    assert "Last span 0 s ago. 2 spans held, run" in text
    assert "held until its root ends, or nothing comes for a while: 0:59 · map now" in text or "1:00" in text
    assert re.search(r"not ended yet … router 1\.0 s reserve_van 1\.0 s Hatched: its end, or its parent", text)
    assert "will become 4 events by router" in text
    assert "off: names, times, tokens and errors only" in text
    assert "1 metrics export (answered 200)" in text
    assert "not compressed" in text
    root = span(trace, 2, name="run", gen_ai__tool__call__result="done", **TOOL)
    await send(client, export(root))
    text = await shown(await came_of(log, client))
    assert "3 spans held" in text
    assert re.search(r"held until its root has ended and its logs had 7 s: 0:0[67]", text)
    assert "not ended yet" not in text
    assert "on: messages, arguments, results" in text


async def test_messages_without_their_words_are_no_content(
    client: httpx2.AsyncClient, log: Log, shown: Callable[..., Awaitable[str]]
) -> None:
    hidden: dict[str, Any] = {"openinference__span__kind": "AGENT", "input__value": "__REDACTED__"}
    await send(client, export(span(new_trace(), 1, **hidden)))
    assert "off: names, times, tokens and errors only" in await shown(await came_of(log, client))


async def test_an_open_page_is_answered_if_there_is_news(
    client: httpx2.AsyncClient, log: Log, admin: AsyncClient, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("events.views.subscriptions.shared_read.SECONDS", 0)
    token = await came_of(log, client)
    url = f"{at}arrivals?token={token.pk}"
    page = (await admin.get(url)).content.decode()
    assert "Listening at #0" in page
    seen = {"X-Seen": re.findall(r'"X-Seen": "(\w+)"', page)[0]}
    assert (await admin.get(url, headers=seen)).status_code == 204
    await send(client, export(span(new_trace(), 1, **AGENT)))
    await exporters.write()
    page = (await admin.get(url, headers=seen)).content.decode()
    assert "1 span held" in words(page)
    assert (await admin.get(f"{at}arrivals?token=0")).status_code == 404


async def test_a_run_is_mapped_at_once_if_somebody_says_so(
    client: httpx2.AsyncClient, log: Log, admin: AsyncClient, at: str, shown: Callable[..., Awaitable[str]]
) -> None:
    trace = new_trace()
    await send(client, export(span(trace, 2, 1, **AGENT)))
    token = await came_of(log, client)
    viewer = await sign_in(log, Role.VIEWER)
    assert (await viewer.post(f"{at}map-now", {"token": token.pk})).status_code == 404
    answer = await admin.post(f"{at}map-now", {"token": token.pk}, headers={"HX-Request": "true"})
    assert answer.status_code == 204
    async with working() as worker:
        await work(worker)
    text = await shown(token)
    assert "1 span in the log, run" in text
    assert "became 2 events" in text
    assert f"Open {trace.hex()}" in text
    answer = await admin.post(f"{at}map-now", {"token": token.pk})
    assert answer["Location"] == f"{at}?framework=langgraph&token={token.pk}"


async def test_the_time_until_a_run_is_mapped_ends_at_zero(
    client: httpx2.AsyncClient, log: Log, admin: AsyncClient, at: str
) -> None:
    await send(client, export(span(new_trace(), 1)))
    token = await came_of(log, client)
    for seconds, expected in ((0, "0:0[67]"), (60, "0:00")):
        await pass_time(log, seconds)
        page = (await admin.get(at, {"token": token.pk})).content.decode()
        assert re.search(rf'data-clock="until">{expected}</time></b> · <button', page)


async def test_pages_of_a_run_say_how_many_spans_of_it_are_held(
    client: httpx2.AsyncClient, log: Log, admin: AsyncClient
) -> None:
    trace = new_trace()
    name = trace.hex()
    pages = ("streams/run-{}/", "workflows/{}/", "replay/stream/run-{}/1", "replay/workflow/{}/1")

    async def texts() -> list[str]:
        answers = [await admin.get(f"/logs/{log.name}/{page.format(name)}") for page in pages]
        assert [answer.status_code for answer in answers] == [200] * 4
        return [words(answer.content.decode()) for answer in answers]

    await send(client, export(span(trace, 2, 1, **AGENT)))
    await pass_time(log, 61)
    async with working() as worker:
        await work(worker)
    assert [text for text in await texts() if "held:" in text] == []
    await send(client, export(span(trace, 3, 1, **AGENT), span(trace, 1, **AGENT)))
    for text in await texts():
        assert "held: 2 spans" in text
    await send(client, records(trace, "gen_ai.choice"), signal="logs")
    for text in await texts():
        assert "held: 2 spans, 1 log record" in text


@pytest.mark.parametrize("page", ["", "workflows/"])
async def test_a_run_that_is_held_as_a_whole_stands_above_the_timeline_and_the_workflows(
    client: httpx2.AsyncClient, log: Log, admin: AsyncClient, page: str
) -> None:
    async def text() -> str:
        return words((await admin.get(f"/logs/{log.name}/{page}")).content.decode())

    assert "held:" not in await text()
    await send(client, export(span(new_trace(), 2, 1, **AGENT), span(new_trace(), 2, 1, **AGENT)))
    assert "held: 2 spans" in await text()


async def test_an_open_timeline_is_told_when_something_else_is_held(
    client: httpx2.AsyncClient, log: Log, other_log: Log, admin: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask(seen: str = "") -> tuple[str, str]:
        monkeypatch.setattr(held, "_reads", SharedRead())  # which keeps what it read for a second
        answer = await admin.get(f"/logs/{log.name}/held", headers={"X-Seen": seen})
        page = answer.content.decode()
        return (words(page) if answer.status_code == 200 else str(answer.status_code)), page

    text, page = await ask()
    assert (text, page.count(" hidden ")) == ("", 1)
    assert (await ask("nothing"))[0] == "204"
    await send(client, export(span(new_trace(), 2, 1, **AGENT)))
    text, page = await ask("nothing")
    assert (text, page.count(" hidden ")) == ("held: 1 span", 0)
    seen = page.partition('"X-Seen": "')[2].partition('"')[0]
    assert (await ask(seen))[0] == "204"
    assert (await (await sign_in(other_log, Role.VIEWER)).get(f"/logs/{log.name}/held")).status_code == 404


async def test_refusals_of_the_token_stand_there(
    client: httpx2.AsyncClient, log: Log, shown: Callable[..., Awaitable[str]]
) -> None:
    await client.post("/v1/traces", content=b"\xff", headers=PROTOBUF)
    text = await shown(await came_of(log, client))
    assert "400 0 s ago: The body is not an OTLP protobuf message" in text


@pytest.mark.parametrize("header", ["Bearer%20{}", '"Bearer {}"', "{}", "Bearer {}"])
async def test_a_token_that_is_not_taken_is_told_why(
    client: httpx2.AsyncClient, log: Log, shown: Callable[..., Awaitable[str]], header: str
) -> None:
    token = await came_of(log, client)
    text = client.headers["Authorization"].removeprefix("Bearer ")
    if header == "Bearer {}":
        await Token.objects.filter(pk=token.pk).aupdate(expires_at=timezone.now())
    headers = PROTOBUF | {"Authorization": header.format(text)}
    answer = await client.post("/v1/traces", content=b"", headers=headers)
    assert answer.status_code == 401
    reason = "This token has expired." if header == "Bearer {}" else "Send `Authorization: Bearer"
    assert f"401 0 s ago: {reason}" in await shown(await came_of(log, client))


async def test_exporters_of_the_log_are_listed_before_there_is_a_token(
    client: httpx2.AsyncClient, log: Log, shown: Callable[..., Awaitable[str]]
) -> None:
    await send(client, export(span(new_trace(), 1)), compressed=True)
    await send(client, records(new_trace(), "other"), signal="logs")
    await came_of(log, client)
    text = await shown()
    assert re.search(r"0 s ago \S+ : 1 span, dropped 1 log record \(answered 200\)", text)


async def test_a_run_of_which_nothing_is_left_leads_to_the_workflows(
    client: httpx2.AsyncClient, log: Log, shown: Callable[..., Awaitable[str]]
) -> None:
    await send(client, export(span(new_trace(), 1)))
    token = await came_of(log, client)
    await OtelTrace.objects.filter(log=log).adelete()
    assert "Last span 0 s ago. Its run is in the log. Open the workflows" in await shown(token)


def test_the_address_without_its_slash_leads_to_the_page(at: str) -> None:
    answer = Client().get(at.removesuffix("/"), {"framework": "crewai"})
    assert (answer.status_code, answer["Location"]) == (301, f"{at}?framework=crewai")


def test_an_open_page_costs_a_fixed_number_of_queries(
    log: Log, user: User, at: str, token: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    make_member(log, user=user, role=Role.ADMIN)
    client = Client()
    client.force_login(user)
    number = Token.objects.get(hash=hash_of(token)).pk
    # session, user, membership with its log, the token, what came with each token of the log, failures
    with django_assert_num_queries(6):
        client.get(f"{at}arrivals?token={number}")
    # the same, and letters to decide
    with django_assert_num_queries(7):
        client.get(f"{at}?token={number}")


async def test_who_appends_by_hand_is_seen_when_the_token_is_used(
    client: httpx2.AsyncClient, log: Log, shown: Callable[..., Awaitable[str]]
) -> None:
    token = await came_of(log, client)
    assert "This page changes at the first event." in await shown(token, framework="http")
    await Token.objects.filter(pk=token.pk).aupdate(last_used_at=timezone.now())
    assert "The token was used 0 s ago. No event has come with it yet" in await shown(token, framework="http")
