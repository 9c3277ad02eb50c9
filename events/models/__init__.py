"""The tables of the log and of the work on it. Migrations name the kinds of columns by this module."""

from __future__ import annotations

from events.columns import JSONTextField, NameField
from events.models.access import Member, Role, Scope, SignInAttempts, SignInLink, Token
from events.models.coordination import Lease, LeaseDemands, Pause, RefusedAppends
from events.models.log import (
    AppendKey,
    Event,
    EventTag,
    ListCheckpoint,
    Log,
    LogHead,
    NumberedType,
    Redaction,
    Stream,
    Workflow,
)
from events.models.otel import OtelExporter, OtelFailure, OtelLink, OtelPiece, OtelRun, OtelTrace
from events.models.subscriptions import (
    Breaker,
    BreakerState,
    DeadLetter,
    Delivery,
    DeliveryState,
    FailedAttempt,
    OrderBy,
    ServerEvent,
    Subscription,
    SubscriptionConsumer,
    SubscriptionLag,
    SubscriptionPlace,
    WaitingEvent,
)

__all__ = [
    "AppendKey",
    "Breaker",
    "BreakerState",
    "DeadLetter",
    "Delivery",
    "DeliveryState",
    "Event",
    "EventTag",
    "FailedAttempt",
    "JSONTextField",
    "Lease",
    "LeaseDemands",
    "ListCheckpoint",
    "Log",
    "LogHead",
    "Member",
    "NameField",
    "NumberedType",
    "OrderBy",
    "OtelExporter",
    "OtelFailure",
    "OtelLink",
    "OtelPiece",
    "OtelRun",
    "OtelTrace",
    "Pause",
    "Redaction",
    "RefusedAppends",
    "Role",
    "Scope",
    "ServerEvent",
    "SignInAttempts",
    "SignInLink",
    "Stream",
    "Subscription",
    "SubscriptionConsumer",
    "SubscriptionLag",
    "SubscriptionPlace",
    "Token",
    "WaitingEvent",
    "Workflow",
]
