"""The tables of the log. The triggers that keep them append-only are in `sql/`, the writer in `appending/`."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Func, Q
from django.db.models.functions import Coalesce
from django.db.models.lookups import Exact

from events.columns import JSONTextField, NameField, block_of, second_of


class Log(models.Model):
    """One totally ordered sequence of events: the unit of isolation and of access."""

    name = NameField(unique=True, validators=[RegexValidator(r"^[a-z0-9-]{1,63}\Z", "Use 1 to 63 of a-z, 0-9 and -.")])
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "log"
        constraints = [models.CheckConstraint(name="log_name", condition=Q(name__regex=r"^[a-z0-9-]{1,63}$"))]

    def __str__(self) -> str:
        return str(self.name)

    @property
    def head(self) -> int:
        """The position of the last event; 0 if there is none."""
        return self.end.head


class LogHead(models.Model):
    """The end of a log. Its row is the log's lock: whoever appends takes it first. A trigger makes it with the log."""

    log = models.OneToOneField(Log, models.CASCADE, primary_key=True, related_name="end", db_constraint=False)
    head = models.BigIntegerField(db_default=0, help_text="the position of the last event")
    head_at = models.DateTimeField(null=True, help_text="recorded_at of the last event: times never go back")
    rules_at = models.BigIntegerField(db_default=0, help_text="the position of the last event that set a rule")

    class Meta:
        db_table = "log_head"

    def __str__(self) -> str:
        return f"{self.log_id}#{self.head}"


class ListCheckpoint(models.Model):
    """The position up to which a log's streams and workflows are listed. A trigger makes it with the log."""

    log = models.OneToOneField(Log, models.CASCADE, primary_key=True, related_name="lists", db_constraint=False)
    position = models.BigIntegerField(db_default=0)

    class Meta:
        db_table = "list_checkpoint"

    def __str__(self) -> str:
        return f"{self.log_id}#{self.position}"


class Stream(models.Model):
    """A stream with its version and the position of its last event, as the lists of streams show it."""

    pk = models.CompositePrimaryKey("log_id", "name")
    log = models.ForeignKey(Log, models.PROTECT, db_constraint=False, db_index=False)
    version = models.BigIntegerField()
    last_position = models.BigIntegerField()
    name = NameField()

    class Meta:
        db_table = "stream"
        indexes = [
            # for the page of streams: the latest first
            models.Index("log", block_of("last_position"), name="stream_last_block"),
        ]

    def __str__(self) -> str:
        return str(self.name)


class Workflow(models.Model):
    """A workflow, which is the events with one correlation id, as the list of workflows shows it."""

    pk = models.CompositePrimaryKey("log_id", "correlation_id")
    log = models.ForeignKey(Log, models.PROTECT, db_constraint=False, db_index=False)
    first_position = models.BigIntegerField()
    last_position = models.BigIntegerField()
    events = models.BigIntegerField()
    first_recorded_at = models.DateTimeField()
    last_recorded_at = models.DateTimeField()
    first_occurred_at = models.DateTimeField(null=True)
    last_occurred_at = models.DateTimeField(null=True)
    correlation_id = NameField()
    agents = ArrayField(NameField(), help_text="twenty at the most")

    class Meta:
        db_table = "workflow"
        indexes = [
            # for the page of workflows: the latest first
            models.Index("log", block_of("last_position"), name="workflow_last_block"),
        ]

    def __str__(self) -> str:
        return str(self.correlation_id)


class NumberedType(models.Model):
    """One of the first types of a log. Its number, which counts the types by their first event, is for ever."""

    pk = models.CompositePrimaryKey("log_id", "number")
    log = models.ForeignKey(Log, models.PROTECT, db_constraint=False, db_index=False)
    number = models.IntegerField(help_text="1 for the type of the first event")
    name = NameField()

    class Meta:
        db_table = "numbered_type"
        constraints = [models.UniqueConstraint(fields=["log", "name"], name="numbered_type_name")]

    def __str__(self) -> str:
        return f"{self.name}: {self.number}"


class Event(models.Model):
    """One event. Rows are only inserted, by `append_events()`; the database refuses any other change.

    There is no foreign key to the log: its check would run for each row, and the one writer holds the log's row
    already.
    """

    pk = models.CompositePrimaryKey("log_id", "position")
    position = models.BigIntegerField()
    version = models.BigIntegerField()
    recorded_at = models.DateTimeField()
    log = models.ForeignKey(Log, models.PROTECT, db_constraint=False, db_index=False)
    schema_version = models.IntegerField()
    stream = NameField()
    id = NameField()
    type = NameField()
    data = JSONTextField()
    metadata = JSONTextField()
    salt = models.BinaryField(null=True, help_text="16 random bytes; null: redacted")
    digest = models.BinaryField(null=True, help_text="of the salt and the content; null: redacted")
    occurred_at = models.DateTimeField(null=True)
    agent = NameField(null=True)
    correlation_id = NameField(null=True)
    causation_id = NameField(null=True)
    expected_version = models.BigIntegerField(null=True, help_text="as passed; null: any, -1: stream_exists")
    read_position = models.BigIntegerField(null=True, help_text="up to where the writer says it had read")
    tags = ArrayField(NameField(), null=True)

    class Meta:
        db_table = "event"
        constraints = [
            # for the page of a stream, and the version that an append needs
            models.UniqueConstraint(fields=["log", "stream", "version"], name="event_stream_version"),
            # for retries, which find the event that was appended, and for the causes on the page of an event
            models.UniqueConstraint(fields=["log", "id"], name="event_id"),
            models.CheckConstraint(
                name="event_digest",
                condition=Exact(Func("digest", function="octet_length"), 32)
                & Exact(Func("salt", function="octet_length"), 16),
            ),
        ]
        indexes = [
            # for the events of a type in order (timeline, GET /api/events?type=, replays), an event's neighbours of its
            # type, and the types that a form completes
            models.Index("log", "type", block_of("position"), name="event_type_block"),
            # for the page of a workflow, its replays, and an event's neighbours in its workflow
            models.Index(
                "log",
                "correlation_id",
                block_of("position"),
                name="event_correlation_block",
                condition=Q(correlation_id__isnull=False),
            ),
            # for the effects on the page of an event. The ids of all logs together grow with time, if they are uuids of
            # version 7, so the cause comes first: new keys go to the end of the index, and fill its pages.
            models.Index(
                "causation_id",
                "log",
                block_of("position"),
                name="event_causation_block",
                condition=Q(causation_id__isnull=False),
            ),
            # for an agent's events in order, an event's neighbours of its agent, and the agents that a form completes
            models.Index(
                "log", "agent", block_of("position"), name="event_agent_block", condition=Q(agent__isnull=False)
            ),
            # for since: and until: in queries that little else narrows (docs/decisions/0005)
            models.Index("log", second_of(Coalesce("occurred_at", "recorded_at")), name="event_second"),
        ]

    def __str__(self) -> str:
        return f"{self.log_id}#{self.position}"


class EventTag(models.Model):
    """One tag of one event: an index, by which the events with a tag are found in order."""

    pk = models.CompositePrimaryKey("log_id", "tag", "position")
    log = models.ForeignKey(Log, models.PROTECT, db_constraint=False, db_index=False)
    position = models.BigIntegerField()
    tag = NameField()

    class Meta:
        db_table = "event_tag"

    def __str__(self) -> str:
        return f"{self.tag} at {self.position}"


class AppendKey(models.Model):
    """An idempotency key of an append that succeeded, with the positions of its events. It is kept for ever.

    A retry has the same content if its fingerprint is the same. A key of which an event was redacted has none.
    """

    pk = models.CompositePrimaryKey("log_id", "key")
    log = models.ForeignKey(Log, models.PROTECT, db_constraint=False, db_index=False)
    first_position = models.BigIntegerField()
    last_position = models.BigIntegerField()
    key = NameField()
    salt = models.BinaryField(null=True)
    fingerprint = models.BinaryField(null=True)

    class Meta:
        db_table = "append_key"

    def __str__(self) -> str:
        return str(self.key)


class Redaction(models.Model):
    """The redaction of an event: who emptied it, and why. Only this lets an event's row change."""

    pk = models.CompositePrimaryKey("log_id", "position")
    log = models.ForeignKey(Log, models.PROTECT, db_constraint=False, db_index=False)
    position = models.BigIntegerField()
    marker_position = models.BigIntegerField(help_text="of the event.redacted that says so")
    redacted_at = models.DateTimeField()
    redacted_by = models.TextField()
    reason = models.TextField()
    commitment = models.BinaryField(null=True, help_text="to the texts; null: the event had no salt yet")

    class Meta:
        db_table = "redaction"
        indexes = [models.Index(fields=["log", "marker_position"], name="redaction_marker")]

    def __str__(self) -> str:
        return f"{self.log_id}#{self.position}"
