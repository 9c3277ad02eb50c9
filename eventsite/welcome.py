"""What a first start makes, and what each start prints: how to get in, and how to append."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.auth.models import User
from django.utils import timezone

from events import logs, sign_in, tokens
from events.models import Log, Member, Role, Scope, Token

LOG = "main"
LABEL = "printed by serve"
TOKEN_LIFETIME = timedelta(days=1)


def first_user() -> User:
    """The first superuser, made if there is none, and then an administrator of every log."""
    users = User.objects
    if user := users.filter(is_superuser=True, is_active=True).order_by("pk").first():
        return user
    user, _ = users.get_or_create(username="admin", defaults={"is_superuser": True, "is_staff": True})
    for log in Log.objects.all():
        Member.objects.get_or_create(log=log, user=user, defaults={"role": Role.ADMIN})
    return user


def message(url: str) -> str:
    """What to do next. It holds a sign-in link and a token: for the terminal, never for a log."""
    log = logs.ensure(LOG)
    user = first_user()
    link = f"{url}/sign-in/{sign_in.create_link(user)}/"
    Token.objects.filter(log=log, name=LABEL, expires_at__lt=timezone.now()).delete()
    token = tokens.create(
        log, name=LABEL, scopes=[Scope.APPEND, Scope.READ], expires_at=timezone.now() + TOKEN_LIFETIME
    )
    return f"""
Eventsite runs at {url}

Sign in as {user.get_username()} (once, within 15 minutes):
  {link}

Append an event (the answer's Location is its page's address; the token is good for a day):
  curl -i {url}/api/streams/hello-1/events \\
    -H 'Authorization: Bearer {token}' -H 'Content-Type: application/json' \\
    -d '{{"expected_version": "any", "events": [{{"type": "Hello", "data": {{"text": "world"}}}}]}}'

Ctrl-C stops everything.
"""
