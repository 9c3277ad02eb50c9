"""Links that sign a person in without a password: once, within 15 minutes, from the machine that the server runs on.

A request from another machine is refused, and so is a request through a proxy, as people outside could send it.
`EVENTSITE_REMOTE_SIGN_IN_LINKS` allows both.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import timedelta
from ipaddress import ip_address

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.models import User
from django.db import models
from django.http import HttpRequest
from django.utils import timezone

from events.models import SignInLink

LIFETIME = timedelta(minutes=15)
_PROXY_HEADERS = re.compile(
    r"forwarded|x-forwarded.*|.*-forwarded-.*|via|.*-via|.*real-?ip|.*client-?ip|.*remote-(addr|ip)|.*originating-ip"
    r"|cf-.*|cdn-.*|fastly-.*|fly-.*|x-envoy-.*|x-azure-.*|x-appengine-.*|x-amz.*-(id|cf-id)|x-arr-.*|x-vercel-.*"
    r"|x-original-.*|x-host|x-scheme|x-varnish|tailscale-.*|.*proxy.*"
)
"""The headers that proxies, load balancers and tunnels add, in lower case."""


def create_link(user: User) -> str:
    """Create a link and return its token: /sign-in/<token>/."""
    token = secrets.token_urlsafe(32)
    SignInLink.objects.filter(expires_at__lt=timezone.now()).delete()
    SignInLink.objects.create(user=user, hash=_hash(token), expires_at=timezone.now() + LIFETIME)
    return token


def link_user(token: str) -> User | None:
    """Return the person of a link; None if it is unknown, used or too old. This does not use the link up."""
    link = _valid_links(token).select_related("user").first()
    return link.user if link else None


def consume(request: HttpRequest, token: str) -> User | None:
    """Sign the link's person in and use the link up; return None if the link or the request is not valid for that."""
    user = link_user(token) if is_local(request) else None
    # One statement decides which request is the first, so a link works once even for simultaneous requests.
    if user is None or not _valid_links(token).update(used_at=timezone.now()):
        return None
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return user


def is_local(request: HttpRequest) -> bool:
    """Whether sign-in links work for a request: it comes from this machine, and not through a proxy."""
    is_from_here = _is_loopback(request.META.get("REMOTE_ADDR", "")) and not _is_proxied(request)
    return is_from_here or bool(settings.REMOTE_SIGN_IN_LINKS)


def _is_loopback(address: str) -> bool:
    try:
        ip = ip_address(address)
    except ValueError:  # a Unix socket has no address: a proxy is at its other end
        return False
    return (getattr(ip, "ipv4_mapped", None) or ip).is_loopback


def _is_proxied(request: HttpRequest) -> bool:
    return any(_PROXY_HEADERS.fullmatch(name.lower()) for name in request.headers)


def _valid_links(token: str) -> models.QuerySet[SignInLink]:
    return SignInLink.objects.filter(
        hash=_hash(token), used_at=None, expires_at__gt=timezone.now(), user__is_active=True
    )


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
