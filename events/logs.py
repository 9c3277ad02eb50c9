"""Logs come to be here, each with someone who may see it."""

from __future__ import annotations

from django.contrib.auth.models import User

from events.models import Log, Member, Role


def ensure(name: str) -> Log:
    """The log of this name, made if need be; the superusers administer it. ValidationError for a bad name."""
    log = Log.objects.filter(name=name).first()
    if log is None:
        Log._meta.get_field("name").clean(name, None)
        log, _ = Log.objects.get_or_create(name=name)
        for user in User.objects.filter(is_superuser=True):
            Member.objects.get_or_create(log=log, user=user, defaults={"role": Role.ADMIN})
    return log
