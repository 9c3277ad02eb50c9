"""Every page accepts or refuses any value: none answers 500.

The pages come from the URL resolver, and their parameters are those that they are seen to read; so pages and parameters
of the future are tried too.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.http import QueryDict
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RoutePattern

from events.models import Log, Role
from projections.replay.address import REPEATED, SINGLE
from projections.states.sources.parse import KINDS
from tests.support.factories import make_member
from tests.support.fixture_types import AppendEvents
from tests.support.odd_values import ENCODED, HEADERS
from tests.support.subscriptions import make_subscription

SOUND = {
    "name": "order-1",
    "id": "w",
    "position": "1",
    "place": "1",
    "pk": "1",
    "token": "x",
    "order": "pause",
    "subscription": "work",
}
ROUTED_KINDS = [kind for kind in KINDS if kind != "stream"]
"""The kinds of replays that share a route; the replay of a stream has its own."""
READ_HEADERS = ("Accept", "HX-Request", "HX-Target", "HX-Current-URL", "X-Job", "X-Seen", "X-Window")


def routes(patterns: list[Any], before: str = "/") -> Iterator[tuple[str, Callable[..., Any]]]:
    """The routes of pages, and their views."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver) and pattern.namespace != "api":
            yield from routes(pattern.url_patterns, before + str(pattern.pattern))
        elif isinstance(pattern, URLPattern) and isinstance(pattern.pattern, RoutePattern):
            yield before + str(pattern.pattern), pattern.callback


def addresses(route: str) -> Iterator[tuple[str, dict[str, str]]]:
    """A format for each address of a route, with the sound value of each name in it."""
    path, names = "", {}
    for part in re.split("(<[^>]+>)", route):
        if part.startswith("<"):
            name = part.strip("<>").rpartition(":")[2]
            path += f"{{{name}}}"
            names[name] = SOUND.get(name, "")
        else:
            path += part
    for folder, name in {"projections": "latest", "subscriptions": "work"}.items():
        if f"{folder}/{{name}}" in path and not path.endswith("/rewind"):  # which needs an engine
            names["name"] = name
    for kind in ROUTED_KINDS if "kind" in names else [""]:
        yield path, names | ({"kind": kind} if kind else {})


PAGES: dict[str, list[tuple[str, dict[str, str]]]] = defaultdict(list)
"""The addresses of each view."""
for _route, _view in routes(get_resolver().url_patterns):
    PAGES[f"{_view.__module__}.{_view.__name__}"] += addresses(_route)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> dict[str, set[str]]:
    """The names of the parameters that requests of a method have read: `GET` or `POST`."""
    names: dict[str, set[str]] = {"GET": set(), "POST": set()}
    now = "GET"

    def handle(self: Client, **request: Any) -> Any:
        nonlocal now
        now = request["REQUEST_METHOD"]
        return ask(self, **request)

    ask = Client.request
    monkeypatch.setattr(Client, "request", handle)

    def note(method: str) -> None:
        original: Callable[..., Any] = getattr(QueryDict, method)

        def noting(self: QueryDict, name: str, *args: Any) -> Any:
            names[now].add(name)
            return original(self, name, *args)

        monkeypatch.setattr(QueryDict, method, noting, raising=False)

    for method in ("__getitem__", "__contains__", "get", "getlist"):
        note(method)
    return names


@pytest.fixture
def admin(client: Client, log: Log, user: User, append: AppendEvents) -> Client:
    """An admin of a log that has rows on each page."""
    for n in range(3):
        append(
            "order-1",
            {"type": "order.placed", "agent": "order-1", "correlation_id": "w", "data": b'{"a": {"b": %d}}' % n},
        )
    make_subscription(log)
    make_member(log, user=user, role=Role.ADMIN)
    client.force_login(user)
    client.defaults["REMOTE_ADDR"] = "10.253.0.1"  # no other test tries to sign in from here
    return client


@pytest.mark.parametrize("view", PAGES)
def test_a_page_takes_or_refuses_any_value(
    admin: Client, user: User, log: Log, read: dict[str, set[str]], view: str
) -> None:
    admin.raise_request_exception = False
    every = [(path, names | {"log": log.name} if "log" in names else names) for path, names in PAGES[view]]
    takes_post = False
    for path, names in every:
        sound = path.format(**names)
        admin.get(sound, {"way": "next"} if "/replay/" in path else {})
        takes_post |= admin.post(sound).status_code != 405
    failed: list[str] = []
    session = admin.session.session_key

    def stay_signed_in() -> None:
        """Sign in, if a page has ended the session."""
        nonlocal session
        cookie = admin.cookies.get(settings.SESSION_COOKIE_NAME)
        if cookie is None or cookie.value != session:
            admin.force_login(user)
            session = admin.session.session_key

    # Each value of each parameter is tried on one of the view's addresses in turn.
    for turn, value in enumerate(ENCODED):
        stay_signed_in()
        path, names = every[turn % len(every)]
        sound = path.format(**names)
        urls = [path.format(**names | {name: value}) for name in names if value]
        urls += [f"{sound}?{name}={value}" for name in sorted(read["GET"])]
        failed += [each for each in urls if admin.get(each).status_code >= 500]
        for body in [f"{name}={value}" for name in sorted(read["POST"])] if takes_post else []:
            answer = admin.post(sound, body, content_type="application/x-www-form-urlencoded")
            failed += [f"POST {sound} {body}"] if answer.status_code >= 500 else []
    sound = every[0][0].format(**every[0][1])
    for value in HEADERS:
        for names_of_headers in (READ_HEADERS, ("Cookie",)):  # whoever sends another cookie is not signed in
            stay_signed_in()
            answer = admin.get(sound, headers=dict.fromkeys(names_of_headers, value))
            failed += [f"{sound} with {names_of_headers}: {value!r}"] if answer.status_code >= 500 else []
    assert not failed


def test_the_parameters_of_a_replay_are_among_those_that_are_tried(
    admin: Client, log: Log, read: dict[str, set[str]]
) -> None:
    assert admin.get(f"/logs/{log.name}/replay/log/1").status_code == 200
    assert read["GET"] >= {*SINGLE, *REPEATED, "step", "place", "way", "format"}
