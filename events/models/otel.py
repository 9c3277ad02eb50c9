"""The tables of what came over OpenTelemetry: traces that are held, and what is known of those who send."""

from __future__ import annotations

from django.db import models

from events.columns import NameField
from events.models.log import Log


class OtelTrace(models.Model):
    """A trace that is held until it is mapped, or is kept as context after that.

    Its pieces are numbered from 1; those up to `mapped` have been mapped. `due_at` is null if no piece is held.
    """

    pk = models.CompositePrimaryKey("log_id", "trace_id")
    log = models.ForeignKey(Log, models.PROTECT, db_constraint=False, db_index=False)
    trace_id = models.UUIDField()
    due_at = models.DateTimeField(null=True, help_text="it is mapped then, unless it waits for traces of its run")
    waits_since = models.DateTimeField(null=True, help_text="it was due then, but waits for traces of its run")
    last_at = models.DateTimeField(help_text="the time at which its last piece came")
    pieces = models.IntegerField(help_text="the number of its last piece")
    mapped = models.IntegerField(db_default=0, help_text="the number of the last piece that was mapped")
    held_spans = models.IntegerField(help_text="spans that are not mapped")
    held_records = models.IntegerField(help_text="log records that are not mapped")
    held_bytes = models.BigIntegerField()
    kept_bytes = models.BigIntegerField(db_default=0, help_text="of pieces that were mapped")
    attempts = models.IntegerField(db_default=0, help_text="how often a worker died with it")
    has_root = models.BooleanField(help_text="its root has ended")

    class Meta:
        db_table = "otel_trace"
        indexes = [
            models.Index(fields=["log", "due_at"], condition=models.Q(due_at__isnull=False), name="otel_trace_due")
        ]

    def __str__(self) -> str:
        return self.trace_id.hex


class OtelPiece(models.Model):
    """The spans or log records of one trace that one export brought, in OTLP. A piece is never changed."""

    pk = models.CompositePrimaryKey("log_id", "trace_id", "number")
    log = models.ForeignKey(Log, models.PROTECT, db_constraint=False, db_index=False)
    trace_id = models.UUIDField()
    token_id = models.BigIntegerField(help_text="the token that it came with")
    received_at = models.DateTimeField(db_index=True)
    number = models.IntegerField()
    count = models.IntegerField(help_text="its spans or log records")
    bytes = models.IntegerField(help_text="about what it takes in memory when it is read")
    are_records = models.BooleanField(help_text="it holds log records, not spans")
    body = models.BinaryField()

    class Meta:
        db_table = "otel_piece"

    def __str__(self) -> str:
        return f"{self.trace_id.hex} {self.number}"


class OtelLink(models.Model):
    """Two traces that a link ties, so that they belong to one run. There is a row for each direction."""

    pk = models.CompositePrimaryKey("log_id", "trace_id", "other_id")
    log = models.ForeignKey(Log, models.PROTECT, db_constraint=False, db_index=False)
    trace_id = models.UUIDField()
    other_id = models.UUIDField()

    class Meta:
        db_table = "otel_link"

    def __str__(self) -> str:
        return f"{self.trace_id.hex} {self.other_id.hex}"


class OtelRun(models.Model):
    """The names that a trace was mapped to. They are kept for a day, so that late spans go to the same stream."""

    pk = models.CompositePrimaryKey("log_id", "trace_id")
    log = models.ForeignKey(Log, models.PROTECT, db_constraint=False, db_index=False)
    trace_id = models.UUIDField()
    named_at = models.DateTimeField(db_index=True)
    stream = NameField()
    correlation_id = NameField()

    class Meta:
        db_table = "otel_run"
        indexes = [
            models.Index(fields=["log", "stream"], name="otel_run_stream"),
            models.Index(fields=["log", "correlation_id"], name="otel_run_correlation"),
        ]

    def __str__(self) -> str:
        return f"{self.trace_id.hex} {self.stream}"


class OtelExporter(models.Model):
    """The counts of what came with a token over OpenTelemetry, since ever. Bytes are those on the wire."""

    pk = models.CompositePrimaryKey("log_id", "token_id")
    log = models.ForeignKey(Log, models.PROTECT, db_constraint=False, db_index=False)
    token_id = models.BigIntegerField()
    first_at = models.DateTimeField(null=True, help_text="the time of the first export that was taken")
    last_at = models.DateTimeField(null=True)
    exports = models.BigIntegerField(help_text="exports that were taken")
    compressed = models.BigIntegerField(help_text="exports that came compressed")
    bytes = models.BigIntegerField()
    spans = models.BigIntegerField()
    records = models.BigIntegerField()
    refused_spans = models.BigIntegerField(help_text="spans without valid ids")
    dropped_records = models.BigIntegerField(help_text="log records that are not of a model's messages")
    dropped_metrics = models.BigIntegerField(help_text="exports of metrics")
    refusals = models.BigIntegerField(help_text="exports that were refused")
    refused_at = models.DateTimeField(null=True)
    refused_status = models.IntegerField(null=True)
    content_at = models.DateTimeField(null=True, help_text="the last time that messages were among the spans or logs")
    user_agent = models.TextField()
    refused_reason = models.TextField(null=True)

    class Meta:
        db_table = "otel_exporter"

    def __str__(self) -> str:
        return f"{self.token_id}: {self.user_agent}"


class OtelFailure(models.Model):
    """An event that could not be appended, or a trace that could not be mapped. A log keeps the last hundred."""

    log = models.ForeignKey(Log, models.PROTECT, db_constraint=False)
    trace_id = models.UUIDField()
    failed_at = models.DateTimeField()
    stream = NameField(null=True)
    event_id = NameField(null=True)
    code = models.TextField()
    detail = models.TextField()

    class Meta:
        db_table = "otel_failure"

    def __str__(self) -> str:
        return f"{self.trace_id.hex}: {self.code}"
