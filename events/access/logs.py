"""Logs come to be here, each with someone who may see it."""

from __future__ import annotations

from django.contrib.auth.models import User

from events.errors import NotFound
from events.models import Log, Member, Role
from events.reading import store
from events.types import LogInfo


def ensure(name: str) -> Log:
    """The log of this name, made if need be; the superusers administer it. ValidationError for a bad name."""
    log = Log.objects.filter(name=name).first()
    if log is None:
        Log._meta.get_field("name").clean(name, None)
        log, _ = Log.objects.get_or_create(name=name)
        for user in User.objects.filter(is_superuser=True):
            Member.objects.get_or_create(log=log, user=user, defaults={"role": Role.ADMIN})
    return log


def named(name: str) -> LogInfo:
    """The log of this name, for a command. Raises `NotFound`, saying how to make one."""
    log = store.log(name).first()
    if log is None:
        raise NotFound(f"There is no log {name!r}. This makes it: manage.py create_log {name}")
    return log
