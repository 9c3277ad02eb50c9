"""The first user of an installation, and the message of each start: how to sign in, and how to append."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.utils import timezone

from events.access import logs, sign_in, tokens
from events.models import Log, Member, Role, Scope, Token

LOG = "main"
LABEL = "printed by serve"
TOKEN_LIFETIME = timedelta(days=1)


def first_user() -> User | None:
    """Return the first superuser. If there is no user, one is created, as an admin of every log."""
    if not User.objects.exists():
        defaults = {"is_superuser": True, "password": make_password(None)}
        user, _ = User.objects.get_or_create(username="admin", defaults=defaults)
        for log in Log.objects.all():
            Member.objects.get_or_create(log=log, user=user, defaults={"role": Role.ADMIN})
    return User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()


def sign_in_words(url: str) -> str:
    user = first_user()
    if user is None:
        return "Sign in with a password, or with a link: manage.py sign_in_link --user NAME"
    return f"Sign in as {user.get_username()} (once, within 15 minutes):\n  {url}/sign-in/{sign_in.create_link(user)}/"


def message(url: str) -> str:
    """Return the message of a start.

    It holds a sign-in link and a token, so it is for the terminal, never for a log.
    """
    log = logs.ensure_log(LOG)
    Token.objects.filter(log=log, name=LABEL, expires_at__lt=timezone.now()).delete()
    token = tokens.create_token(
        log, name=LABEL, scopes=[Scope.APPEND, Scope.READ], expires_at=timezone.now() + TOKEN_LIFETIME
    )
    return f"""
Eventsite runs at {url}

{sign_in_words(url)}

Append an event (the answer's Location is the event's page; the token expires after a day):
  curl -i {url}/api/streams/hello-1/events \\
    -H 'Authorization: Bearer {token}' -H 'Content-Type: application/json' \\
    -d '{{"expected_version": "any", "events": [{{"type": "Hello", "data": {{"text": "world"}}}}]}}'

Ctrl-C stops everything.
"""
