"""The tables of what agents may do: which of them are paused, and which leases they hold."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from events.columns import NameField
from events.models.log import Log


class Pause(models.Model):
    """An agent or a workflow that is paused. The event at the position says why, and who did it."""

    pk = models.CompositePrimaryKey("log_id", "kind", "name")
    log = models.ForeignKey(Log, models.PROTECT, db_constraint=False, db_index=False)
    position = models.BigIntegerField(help_text="of the event that paused it")
    kind = models.TextField(help_text="agent or workflow")
    name = NameField()

    class Meta:
        db_table = "pause"

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class RefusedAppends(models.Model):
    """The number of appends that a pause has refused, by the position of its event."""

    pk = models.CompositePrimaryKey("log_id", "position")
    log = models.ForeignKey(Log, models.PROTECT, db_constraint=False, db_index=False)
    position = models.BigIntegerField()
    appends = models.BigIntegerField()
    last_at = models.DateTimeField()

    class Meta:
        db_table = "refused_appends"

    def __str__(self) -> str:
        return f"{self.appends} since {self.position}"


class Lease(models.Model):
    """The last grant of a lease, until it is released. The database's clock alone says whether it has run out."""

    pk = models.CompositePrimaryKey("log_id", "kind", "name")
    log = models.ForeignKey(Log, models.PROTECT, db_constraint=False, db_index=False)
    token = models.BigIntegerField(help_text="the position of the event that granted it")
    expires_at = models.DateTimeField()
    kind = NameField(help_text="workflow, stream or name")
    name = NameField()
    holder = NameField(help_text="an agent")

    class Meta:
        db_table = "lease"
        indexes = [models.Index(fields=["log", "expires_at"], name="lease_expiry")]

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"


class LeaseDemands(models.Model):
    """The appends to a log that need a lease. A log without a row demands none."""

    log = models.OneToOneField(Log, models.CASCADE, primary_key=True, related_name="lease_demands", db_constraint=False)
    workflows = models.BooleanField(help_text="events of a workflow need its lease")
    streams = ArrayField(NameField(), help_text="prefixes of the streams that need their own lease")
    types = ArrayField(NameField(), help_text="these need the lease of their stream or workflow")

    class Meta:
        db_table = "lease_demands"

    def __str__(self) -> str:
        return f"{self.log_id}: {self.workflows} {self.streams} {self.types}"
