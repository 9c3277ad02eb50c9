"""The tables of subscriptions: which events are not settled yet, and which could not be done.

Rows exist for unsettled events only. `delivery` has the first one of each key: it is delivered, waits for its
next attempt, or is a dead letter that holds its key. The later events of the key are rows of `waiting_event`, as small
as a row can be, since there may be a million of them.
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from events.columns import NameField, NextVal
from events.models.log import Log


class OrderBy(models.TextChoices):
    """The part of an event by which a subscription keeps the order, if it is not a pointer into data."""

    STREAM = "stream"
    WORKFLOW = "workflow"
    AGENT = "agent"
    NONE = "none"


class Subscription(models.Model):
    """A durable, named place in a log, from which consumers take events.

    Its number is never used again, also after it was deleted. Each rewind raises its generation.
    """

    pk = models.CompositePrimaryKey("log_id", "id")
    id = models.IntegerField(db_default=NextVal("subscription_number"), editable=False)
    log = models.ForeignKey(Log, models.PROTECT, db_constraint=False, db_index=False)
    name = NameField()
    query = models.TextField(help_text="the events that it delivers")
    order_by = models.TextField(help_text="stream, workflow, agent, none, or a JSON Pointer into data")
    ack_deadline = models.FloatField(help_text="seconds")
    max_attempts = models.IntegerField()
    backoff = models.JSONField(help_text="first, factor, most and jitter of the pauses before further attempts")
    max_in_flight = models.IntegerField()
    max_in_flight_per_consumer = models.IntegerField()
    passes_dead_letters = models.BooleanField(help_text="a dead letter does not hold its key")
    projection = NameField(help_text="which shows the state that a consumer saw")
    breaker = models.JSONField(null=True)
    with_system_events = models.BooleanField()
    stream_prefix = NameField(help_text="of the token that made it: it delivers no other streams")
    version = models.IntegerField(db_default=1, help_text="raised by each change of its settings")
    generation = models.IntegerField(db_default=1, help_text="raised by each rewind")
    is_paused = models.BooleanField(db_default=False)
    pause_reason = NameField(null=True, help_text="of a pause; it may have none")
    start = models.BigIntegerField(help_text="the position after which it began")
    rules_at = models.BigIntegerField(db_default=0, help_text="of the log when it last looked for resumed workflows")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "subscription"
        constraints = [models.UniqueConstraint(fields=["log", "name"], name="subscription_name")]

    def __str__(self) -> str:
        return str(self.name)


class SubscriptionPlace(models.Model):
    """The place of a subscription in its log. Its row is changed by nearly each take and settlement.

    Each change raises `turn`. So while a session with an old snapshot keeps the dead versions of the row, the primary
    key still gives the living one first. The lock of a subscription is the row of the subscription itself.
    """

    pk = models.CompositePrimaryKey("log_id", "subscription_id", "turn")
    log = models.ForeignKey(Log, models.PROTECT, db_constraint=False, db_index=False)
    subscription_id = models.IntegerField()
    turn = models.BigIntegerField(db_default=0)
    read_to = models.BigIntegerField(help_text="every event up to here is settled, or has a row")
    lowest = models.BigIntegerField(db_default=0, help_text="no event up to here has a row in delivery")
    due_from = models.DateTimeField(
        null=True, help_text="no delivery in flight has an earlier deadline; null: nothing is known"
    )
    without_key = models.BigIntegerField(db_default=0, help_text="events read since its last rewind that had no key")

    class Meta:
        db_table = "subscription_place"

    def __str__(self) -> str:
        return f"{self.subscription_id} at {self.read_to}"


class DeliveryState(models.IntegerChoices):
    """The state of a key's first unsettled event. `PAUSED`: its workflow is."""

    READY = 0
    IN_FLIGHT = 1
    RETRYING = 2
    HELD = 3
    PAUSED = 4


class Delivery(models.Model):
    """The first unsettled event of a key, or any unsettled event without a key.

    `chain` names the later events of the key in `waiting_event`: it is the position of the event with which they began
    to wait.
    """

    pk = models.CompositePrimaryKey("log_id", "subscription_id", "position")
    log = models.ForeignKey(Log, models.PROTECT, db_constraint=False, db_index=False)
    subscription_id = models.IntegerField()
    position = models.BigIntegerField()
    chain = models.BigIntegerField()
    due = models.DateTimeField(null=True, help_text="in flight: its deadline; retrying: the time of the next attempt")
    taken_at = models.DateTimeField(null=True)
    head = models.BigIntegerField(null=True, help_text="the last position that its consumer could see")
    token = models.UUIDField(null=True, help_text="of this attempt and others of one take; part of the delivery's id")
    attempt = models.IntegerField(db_default=0)
    state = models.SmallIntegerField(choices=DeliveryState.choices, db_default=DeliveryState.READY)
    waiting = models.BigIntegerField(db_default=0, help_text="the number of events of the key that wait")
    has_earlier = models.BooleanField(db_default=False, help_text="an earlier event, a dead letter, waits as well")
    key = NameField(null=True)
    consumer = NameField(null=True)
    agent = NameField(null=True)
    request = NameField(null=True)

    class Meta:
        db_table = "delivery"
        constraints = [
            models.UniqueConstraint(
                fields=["log", "subscription_id", "key"], name="delivery_key", condition=Q(key__isnull=False)
            )
        ]
        indexes = [
            models.Index(
                fields=["log", "subscription_id", "position"],
                name="delivery_ready",
                condition=Q(state=DeliveryState.READY),
            ),
            models.Index(
                fields=["log", "subscription_id", "due"],
                name="delivery_in_flight",
                condition=Q(state=DeliveryState.IN_FLIGHT),
            ),
            models.Index(
                fields=["log", "subscription_id", "due"],
                name="delivery_retrying",
                condition=Q(state=DeliveryState.RETRYING),
            ),
            models.Index(fields=["log", "subscription_id"], name="delivery_earlier", condition=Q(has_earlier=True)),
        ]

    def __str__(self) -> str:
        return f"{self.subscription_id}#{self.position}"


class WaitingEvent(models.Model):
    """An event that waits for the earlier events of its key."""

    pk = models.CompositePrimaryKey("log_id", "subscription_id", "chain", "position")
    log = models.ForeignKey(Log, models.PROTECT, db_constraint=False, db_index=False)
    subscription_id = models.IntegerField()
    chain = models.BigIntegerField()
    position = models.BigIntegerField()

    class Meta:
        db_table = "waiting_event"

    def __str__(self) -> str:
        return f"{self.subscription_id}#{self.position}"


class FailedAttempt(models.Model):
    """An attempt of an unsettled event, or of a dead letter, that failed. A redaction empties what it says."""

    pk = models.CompositePrimaryKey("log_id", "subscription_id", "position", "attempt")
    log = models.ForeignKey(Log, models.PROTECT, db_constraint=False, db_index=False)
    subscription_id = models.IntegerField()
    position = models.BigIntegerField()
    attempt = models.IntegerField()
    outcome = NameField(help_text="failed, poison or expired")
    consumer = NameField()
    agent = NameField(null=True)
    taken_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    head = models.BigIntegerField(help_text="the last position that its consumer could see")
    error_type = models.TextField()
    message = models.TextField(null=True)
    traceback = models.TextField(null=True)
    plain_message = models.TextField(help_text="the message without its numbers")
    frame = models.TextField(help_text="the first own frame of the traceback")
    fault = NameField(help_text="the same for failures with the same error, plain message and frame")

    class Meta:
        db_table = "failed_attempt"

    def __str__(self) -> str:
        return f"{self.subscription_id}#{self.position}, attempt {self.attempt}"


class DeadLetter(models.Model):
    """An event of a subscription whose attempts are used up, or that was called poison."""

    pk = models.CompositePrimaryKey("log_id", "subscription_id", "position")
    log = models.ForeignKey(Log, models.PROTECT, db_constraint=False, db_index=False)
    subscription_id = models.IntegerField()
    position = models.BigIntegerField()
    key = NameField(null=True)
    holds = models.BooleanField(help_text="later events of its key wait")
    state = NameField(help_text="open, escalated, retrying, skipped, done or closed")
    deaths = models.IntegerField(db_default=1)
    attempts = models.IntegerField()
    died_at = models.DateTimeField()
    fault = NameField(help_text="the same for letters with the same error, message without numbers, and frame")
    error_type = models.TextField()
    plain_message = models.TextField()
    frame = models.TextField()
    assigned_to = NameField(null=True)
    note = models.TextField(null=True)
    decided_by = NameField(null=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "dead_letter"
        indexes = [
            models.Index(
                fields=["log", "position", "subscription_id"],
                name="dead_letter_undone",
                condition=Q(state__in=("open", "escalated", "retrying")),
            ),
            # for the retried letters of a key
            models.Index(
                fields=["log", "subscription_id", "key"], name="dead_letter_retrying", condition=Q(state="retrying")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subscription_id}#{self.position}"


class BreakerState(models.IntegerChoices):
    """Whether a breaker lets events through: all, none, or one as a trial."""

    CLOSED = 0
    OPEN = 1
    HALF_OPEN = 2


class Breaker(models.Model):
    """The breaker of a subscription, or of one of its consumers. There is none without the setting."""

    pk = models.CompositePrimaryKey("log_id", "subscription_id", "consumer")
    log = models.ForeignKey(Log, models.PROTECT, db_constraint=False, db_index=False)
    subscription_id = models.IntegerField()
    consumer = NameField(help_text="empty: of the subscription as a whole")
    state = models.SmallIntegerField(choices=BreakerState.choices, db_default=BreakerState.CLOSED)
    outcomes = models.TextField(db_default="", help_text="of the last deliveries: 1 is a failure, 0 is not")
    failed = ArrayField(models.BigIntegerField(), db_default=[], help_text="the positions of the last failures")
    until = models.DateTimeField(null=True, help_text="the end of its pause, while it is open")
    trial = models.BigIntegerField(null=True, help_text="the position of the event that it lets through half-open")
    trial_token = models.UUIDField(null=True)
    changed_at = models.DateTimeField(db_default=Now(), help_text="when it opened or closed last")
    used_at = models.DateTimeField(db_default=Now(), help_text="the time of the last outcome")

    class Meta:
        db_table = "breaker"

    def __str__(self) -> str:
        return f"{self.consumer or 'all'} of {self.subscription_id}"


class SubscriptionConsumer(models.Model):
    """A consumer of a subscription that was seen in the last day, and how many deliveries it took in two minutes."""

    pk = models.CompositePrimaryKey("log_id", "subscription_id", "name")
    log = models.ForeignKey(Log, models.PROTECT, db_constraint=False, db_index=False)
    subscription_id = models.IntegerField()
    name = NameField()
    agent = NameField(null=True)
    last_seen_at = models.DateTimeField()
    minute = models.DateTimeField(help_text="the minute of its last deliveries")
    in_minute = models.IntegerField(help_text="deliveries in that minute")
    in_minute_before = models.IntegerField(help_text="deliveries in the minute before it")

    class Meta:
        db_table = "subscription_consumer"

    def __str__(self) -> str:
        return f"{self.name} of {self.subscription_id}"


class ServerEvent(models.Model):
    """An event that the server still has to append. Its id is made from its facts, so it is appended once."""

    pk = models.CompositePrimaryKey("log_id", "id")
    log = models.ForeignKey(Log, models.PROTECT, db_constraint=False, db_index=False)
    id = NameField()
    subject = NameField(help_text="its stream is eventsite-<subject>")
    type = NameField()
    facts = models.JSONField()
    by = NameField(null=True)
    about = models.BigIntegerField(null=True, help_text="the position of the event that it is about")
    due_at = models.DateTimeField(db_default=Now(), help_text="they are appended in this order")

    class Meta:
        db_table = "server_event"

    def __str__(self) -> str:
        return str(self.id)


class SubscriptionLag(models.Model):
    """How far a subscription was at the beginning of a minute. Half an hour of rows is kept."""

    pk = models.CompositePrimaryKey("log_id", "subscription_id", "minute")
    log = models.ForeignKey(Log, models.PROTECT, db_constraint=False, db_index=False)
    subscription_id = models.IntegerField()
    minute = models.DateTimeField()
    behind = models.BigIntegerField(help_text="positions from read_to to the head of the log")

    class Meta:
        db_table = "subscription_lag"

    def __str__(self) -> str:
        return f"{self.subscription_id} at {self.minute:%H:%M}: {self.behind}"
