"""The states that projections made of the log, and their progress. All of it can be dropped and built again.

The states of a projection in a log belong to a numbered **build**: 1, 2, 3 … A new version, or the same version with
other code, is a new build beside the live one. `Checkpoint.is_live` marks the build that readers see; one statement
changes it, so they see one whole build or the other.
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Cast, Now

from events.columns import NameField
from events.columns import NextVal as NextVal  # a migration names it by this module
from events.models import Log


class Policy(models.TextChoices):
    """The reaction of the runner to an event for which a reducer raises."""

    STOP = "stop"
    PARK = "park"
    SKIP = "skip"


class Status(models.TextChoices):
    """The status of a build."""

    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    """The reducer raised at the event right after `position`; `error` has the message."""
    RETIRED = "retired"
    """Another build is live, or this one was cancelled: its states are being removed."""


class Checkpoint(models.Model):
    """One build of a projection in a log. The transaction that writes the states also advances `position`."""

    pk = models.CompositePrimaryKey("log_id", "projection", "build")
    log = models.ForeignKey(Log, models.PROTECT, db_constraint=False, db_index=False)
    build = models.IntegerField()
    version = models.IntegerField(help_text="of the projection")
    position = models.BigIntegerField(default=0, db_default=0, help_text="up to where the log has been folded")
    skipped = models.BigIntegerField(default=0, db_default=0, help_text="events left out under the policy `skip`")
    unkeyed = models.BigIntegerField(
        default=0, db_default=0, help_text="values that events gave as keys and that can't be keys"
    )
    unkeyed_position = models.BigIntegerField(null=True, help_text="of the last event that gave such a value")
    error_position = models.BigIntegerField(null=True, help_text="of the event that `error` is about")
    started_at = models.DateTimeField()
    advanced_at = models.DateTimeField(null=True)
    live_at = models.DateTimeField(null=True, help_text="since when readers see it")
    seen = models.BigIntegerField(
        default=0, db_default=0, help_text="the log's head when it began: it read no event that was redacted by then"
    )
    rate = models.FloatField(default=0, db_default=0, help_text="positions a second, of late")
    is_live = models.BooleanField()
    projection = NameField()
    fingerprint = NameField()
    own_fingerprint = NameField(
        null=True, help_text="without the catalogue's code; null: of a build from before it was noted"
    )
    status = NameField(choices=Status.choices, default=Status.RUNNING)
    policy = NameField(
        choices=Policy.choices, null=True, help_text="that an operator chose for the log; null: the declared one"
    )
    error = models.TextField(default="", db_default="", help_text="the last one")
    traceback = models.TextField(default="", db_default="")

    class Meta:
        db_table = "checkpoint"
        constraints = [
            models.UniqueConstraint(fields=["log", "projection"], name="checkpoint_live", condition=Q(is_live=True)),
        ]

    def __str__(self) -> str:
        return f"{self.projection} v{self.version}, build {self.build}, of log {self.log_id}"


class ProjectionState(models.Model):
    """The state of one key, true at the position of its build's checkpoint.

    `state` is the exact text (`exact_json.py`); `search` is the same state as jsonb, for
    searches alone: jsonb reorders keys.
    """

    pk = models.CompositePrimaryKey("log_id", "projection", "build", "key")
    log = models.ForeignKey(Log, models.PROTECT, db_constraint=False, db_index=False)
    build = models.IntegerField()
    events = models.BigIntegerField(help_text="how many were folded")
    position = models.BigIntegerField(help_text="of the last one")
    projection = NameField()
    key = NameField()
    state = models.TextField()
    places = ArrayField(
        models.BigIntegerField(), null=True, help_text="of its events after those of `KeyPlaces`; null: not noted"
    )
    search = models.GeneratedField(
        expression=Cast("state", models.JSONField()), output_field=models.JSONField(), db_persist=True
    )

    class Meta:
        db_table = "projection_state"

    def __str__(self) -> str:
        return f"{self.projection} of {self.key!r}"


class Parked(models.Model):
    """A parked key, whose reducer raised at the event at `position`.

    The state before that event is the key's `ProjectionState` (no row: the initial state). With `is_retried` the runner
    goes on at `position`, and removes this row when the key has caught up with its build.
    """

    pk = models.CompositePrimaryKey("log_id", "projection", "build", "key")
    log = models.ForeignKey(Log, models.PROTECT, db_constraint=False, db_index=False)
    build = models.IntegerField()
    position = models.BigIntegerField()
    since = models.DateTimeField()
    is_retried = models.BooleanField(default=False, db_default=False)
    projection = NameField()
    key = NameField()
    error = models.TextField()
    traceback = models.TextField()

    class Meta:
        db_table = "parked"

    def __str__(self) -> str:
        return f"{self.projection} of {self.key!r} at {self.position}"


class Lag(models.Model):
    """The largest lag of a projection's live build in a minute, in events. An hour of rows is kept.

    If a minute has no row, no runner measured the lag in it.
    """

    pk = models.CompositePrimaryKey("log_id", "projection", "minute")
    log = models.ForeignKey(Log, models.PROTECT, db_constraint=False, db_index=False)
    events = models.BigIntegerField()
    minute = models.DateTimeField()
    projection = NameField()

    class Meta:
        db_table = "projection_lag"

    def __str__(self) -> str:
        return f"{self.projection} at {self.minute:%H:%M}: {self.events}"


class Snapshot(models.Model):
    """A state kept on the way, so that a fold need not begin at the first event. A cache: drop it whenever you like.

    The fold has passed the first `n` events of `source` (whose `kind` is a class in `states/sources/`); the nth is at
    `place`. Every fold of a source leaves its snapshots at the same places (`states/fold_cursor.py`), so two folds that
    write at once agree. With `is_asked`, somebody asked for this state, and it may be at any place. If one of its
    events is redacted after the log's head was `seen`, the snapshot is never used again: it may hold that content.
    """

    pk = models.CompositePrimaryKey("log_id", "projection", "kind", "source", "fingerprint", "n")
    log = models.ForeignKey(Log, models.PROTECT, db_constraint=False, db_index=False)
    n = models.BigIntegerField(help_text="how many events of the source were passed")
    place = models.BigIntegerField(help_text="of the nth: a version of a stream, else a position")
    events = models.BigIntegerField(help_text="how many of them were folded")
    position = models.BigIntegerField(help_text="of the last one folded")
    version = models.BigIntegerField(help_text="of the last one folded, in its stream")
    event_size = models.BigIntegerField(help_text="characters of the n events")
    kept_size = models.BigIntegerField(help_text="characters of the snapshots left on the way up to here")
    seen = models.BigIntegerField(help_text="the log's head when its events were read")
    created_at = models.DateTimeField(db_default=Now())
    is_asked = models.BooleanField()
    projection = NameField()
    kind = NameField()
    source = NameField()
    fingerprint = NameField()
    state = models.TextField()

    class Meta:
        db_table = "snapshot"
        indexes = [
            # the nearest at or before a position
            models.Index(
                fields=["log", "projection", "kind", "source", "fingerprint", "position"], name="snapshot_position"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.projection} of {self.kind} {self.source!r} at {self.n}"


class KeyPlaces(models.Model):
    """The positions of the events of a key for which the log has no index, as the runner noted them.

    Each row has a fixed number of positions, in order. The positions after the last full row are in `places` of the
    key's `ProjectionState`.
    """

    pk = models.CompositePrimaryKey("log_id", "projection", "build", "key", "position")
    log = models.ForeignKey(Log, models.PROTECT, db_constraint=False, db_index=False)
    build = models.IntegerField()
    position = models.BigIntegerField(help_text="the first of them")
    projection = NameField()
    key = NameField()
    positions = ArrayField(models.BigIntegerField())

    class Meta:
        db_table = "key_places"

    def __str__(self) -> str:
        return f"{self.projection} of {self.key!r}, from {self.position} on"


class JobStatus(models.TextChoices):
    """The status of a job."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


ACTIVE = (JobStatus.QUEUED, JobStatus.RUNNING)


class Job(models.Model):
    """Long work for a worker process. The row survives the worker.

    There is at most one `ACTIVE` job with the same `key`. Ids are unique in all logs together.
    """

    pk = models.CompositePrimaryKey("log_id", "id")
    id = models.BigIntegerField(db_default=NextVal("job_id_seq"), editable=False)
    log = models.ForeignKey(Log, models.PROTECT, db_constraint=False, db_index=False)
    kind = NameField()
    key = NameField(help_text="what makes two jobs of a kind the same")
    arguments = models.JSONField()
    asker = NameField(default="", db_default="", help_text="the person or token whose turns it takes")
    seen = models.BigIntegerField(
        default=0, db_default=0, help_text="the log's head when it was taken on: a redaction after it came too late"
    )
    can_wait = models.BooleanField(
        default=False, db_default=False, help_text="it may wait for what others do, so it is counted apart"
    )
    turns = models.IntegerField(default=0, db_default=0, help_text="how often it made room for others")
    status = NameField(choices=JobStatus.choices, default=JobStatus.QUEUED, db_default=JobStatus.QUEUED)
    progress = models.BigIntegerField(default=0, db_default=0)
    total = models.BigIntegerField(null=True)
    rate = models.FloatField(null=True, help_text="of progress, a second")
    result = models.JSONField(null=True)
    error = models.TextField(default="", db_default="")
    is_cancel_requested = models.BooleanField(default=False, db_default=False)
    attempt = models.IntegerField(default=0, db_default=0, help_text="how many workers have taken it on")
    created_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True, help_text="no worker takes it before; null: at once")
    heartbeat_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "job"
        constraints = [
            models.UniqueConstraint(
                fields=["log", "kind", "key"], name="job_active", condition=Q(status__in=["queued", "running"])
            ),
        ]
        indexes = [
            # for workers that look for work
            models.Index(fields=["id"], name="job_waiting", condition=Q(status__in=["queued", "running"])),
            # for turns: the time at which a log, and an asker, was served last
            models.Index(fields=["log", "-heartbeat_at"], name="job_log_turn"),
            models.Index(fields=["asker", "-heartbeat_at"], name="job_asker_turn"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"

    @property
    def seconds_left(self) -> float | None:
        """The seconds that the rest takes at the current rate; None if they aren't known."""
        if self.status not in ACTIVE or self.total is None or not self.rate:
            return None
        return max(0.0, (self.total - self.progress) / self.rate)
