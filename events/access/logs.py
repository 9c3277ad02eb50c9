"""The creation of logs, each with at least one member, and their look-up by name."""

from __future__ import annotations

from django.contrib.auth.models import User

from events.errors import NotFound
from events.models import Log, Member, Role
from events.reading import store
from events.types import LogInfo


def ensure_log(name: str) -> Log:
    """Return the log with a name; it is created if there is none, with the superusers as its admins.

    Raises:
        ValidationError: the name is not valid.
    """
    log = Log.objects.filter(name=name).first()
    if log is None:
        Log._meta.get_field("name").clean(name, None)
        log, _ = Log.objects.get_or_create(name=name)
        for user in User.objects.filter(is_superuser=True):
            Member.objects.get_or_create(log=log, user=user, defaults={"role": Role.ADMIN})
    return log


def existing_log(name: str) -> LogInfo:
    """Return the log with a name, for a command.

    Raises:
        NotFound: there is no such log; the message names the command that creates it.
    """
    log = store.log(name).first()
    if log is None:
        raise NotFound(f"There is no log {name!r}. This makes it: manage.py create_log {name}")
    return log
