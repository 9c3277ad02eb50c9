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

SOUND = {
    "name": "order-1",
    "id": "w",
    "position": "1",
    "step": "1",
    "pk": "1",
    "token": "x",
    "order": "pause",
    "subscription": "work",
}
ROUTED_KINDS = [kind for kind in KINDS if kind != "stream"]
"""The kinds of replays that share a route; the replay of a stream has its own."""
READ_HEADERS = ("Accept", "Cookie", "HX-Request", "HX-Target", "HX-Current-URL", "X-Job", "X-Seen", "X-Window")


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
    if "projections/{name}" in path:
        names["name"] = "latest"
    for kind in ROUTED_KINDS if "kind" in names else [""]:
        yield path, names | ({"kind": kind} if kind else {})


PAGES: dict[str, list[tuple[str, dict[str, str]]]] = defaultdict(list)
"""The addresses of each view."""
for _route, _view in routes(get_resolver().url_patterns):
    PAGES[f"{_view.__module__}.{_view.__name__}"] += addresses(_route)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The names of the parameters that any request has read."""
    names: set[str] = set()

    def note(method: str) -> None:
        original: Callable[..., Any] = getattr(QueryDict, method)

        def noting(self: QueryDict, name: str, *args: Any) -> Any:
            names.add(name)
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
    make_member(log, user=user, role=Role.ADMIN)
    client.force_login(user)
    client.defaults["REMOTE_ADDR"] = "10.253.0.1"  # no other test tries to sign in from here
    return client


@pytest.mark.parametrize("view", PAGES)
def test_a_page_takes_or_refuses_any_value(admin: Client, user: User, log: Log, read: set[str], view: str) -> None:
    admin.raise_request_exception = False
    every = [(path, names | {"log": log.name} if "log" in names else names) for path, names in PAGES[view]]
    takes_post = False
    for path, names in every:
        sound = path.format(**names)
        admin.get(sound, {"way": "next"})
        takes_post |= admin.post(sound).status_code != 405
    failed: list[str] = []
    # Each value of each parameter is tried on one of the view's addresses in turn.
    for turn, value in enumerate(ENCODED):
        admin.force_login(user)
        path, names = every[turn % len(every)]
        sound = path.format(**names)
        urls = [path.format(**names | {name: value}) for name in names if value]
        urls += [f"{sound}?{name}={value}" for name in sorted(read)]
        failed += [each for each in urls if admin.get(each).status_code >= 500]
        for body in [f"{name}={value}" for name in sorted(read)] if takes_post else []:
            answer = admin.post(sound, body, content_type="application/x-www-form-urlencoded")
            failed += [f"POST {sound} {body}"] if answer.status_code >= 500 else []
    for value in HEADERS:
        admin.force_login(user)
        sound = every[0][0].format(**every[0][1])
        answer = admin.get(sound, headers=dict.fromkeys(READ_HEADERS, value))
        failed += [f"{sound} with headers {value!r}"] if answer.status_code >= 500 else []
    assert not failed


def test_the_parameters_of_a_replay_are_among_those_that_are_tried(admin: Client, log: Log, read: set[str]) -> None:
    assert admin.get(f"/logs/{log.name}/replay/log/1").status_code == 200
    assert read >= {*SINGLE, *REPEATED, "step", "place", "way", "format"}
