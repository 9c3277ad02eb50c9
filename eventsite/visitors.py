"""The visitor of a request, as far as it can be known without the database.

This is for fair turns only, never for access. Persons are known by the sessions that this process has seen.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.middleware import AuthenticationMiddleware, get_user
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, parse_cookie
from django.utils.functional import SimpleLazyObject

from events.access.network import network_of

_MAX_SESSIONS = 10_000

_persons: OrderedDict[str, int] = OrderedDict()
"""The persons by the keys of their sessions; the latest are kept."""


def lane_of(scope: dict[str, Any]) -> Hashable:
    """Return the lane in which a request waits: that of its person or, if that is not known, of its network."""
    cookies = [value for name, value in scope["headers"] if name == b"cookie"]
    session_key = parse_cookie(b"; ".join(cookies).decode("latin-1")).get(settings.SESSION_COOKIE_NAME, "")
    person = _persons.get(session_key)
    if person is not None:
        return "person", person
    address, _ = scope.get("client") or ("", 0)
    return "network", network_of(address)


class RememberPersons(AuthenticationMiddleware):
    """Django's middleware, which also remembers the person of each session."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        request.user = SimpleLazyObject(lambda: _remember_person(request))  # type: ignore[assignment]


def _remember_person(request: HttpRequest) -> AbstractBaseUser | AnonymousUser:
    user = get_user(request)
    if user.is_authenticated and request.session.session_key:
        _persons[request.session.session_key] = user.pk
        _persons.move_to_end(request.session.session_key)
        while len(_persons) > _MAX_SESSIONS:
            _persons.popitem(last=False)
    return user
