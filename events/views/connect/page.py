"""The page Connect: the lines that bring a framework's runs here, with a new token in them, and what comes with it."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from events.access.tokens import create_token, ending, hash_of
from events.errors import NotFound
from events.models import Log, Member, Role, Scope, Token
from events.otel import reads
from events.otel.arrivals import Arrivals, arrivals
from events.views.connect.appended import appended_run
from events.views.connect.frameworks import DEFAULT, FRAMEWORKS, GROUPS, SAMPLE_TOKEN, Framework
from events.views.connect.outcome import dropped_words, exporter_words, outcome_of
from events.views.page import log_page, show
from events.views.subscriptions.listing import SEEN
from events.views.subscriptions.shared_read import SharedRead

_SHOWN_EXPORTERS = 5
_MOST_FAILURES = 5
_arrivals: SharedRead[Arrivals] = SharedRead()


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@log_page(Role.ADMIN)
def connect(request: HttpRequest, member: Member) -> HttpResponse:
    """`/logs/<log>/connect/`: a POST makes a token, which is shown once.

    `framework` is one of the list, `token` the number of the token whose spans the page waits for. A POST that has the
    text of a token (`made`) makes none: it shows another framework with the same one.
    """
    fields = request.POST if request.method == "POST" else request.GET
    framework = FRAMEWORKS.get(fields.get("framework", ""), DEFAULT)
    made = _made(member.log, framework, request.POST.get("made", "")) if request.method == "POST" else ""
    token = _token(member.log, request.GET.get("token", "")) if not made else Token.objects.get(hash=hash_of(made))
    came = arrivals(member.log_id, token.pk) if token else None
    context = {
        "here": "connect",
        "groups": GROUPS,
        "framework": framework,
        "endpoint": request.build_absolute_uri(reverse("home")).rstrip("/"),
        "made": made,
        "sample": SAMPLE_TOKEN,
        "token_ending": ending(made),
        "exporters": [] if token else reads.exporters(member.log_id).fetch()[:_SHOWN_EXPORTERS],
        **_what_arrives(member, framework, token, came, _failures(member.log)),
    }
    response = show(request, member, template="events/connect.html", partial="events/_connect.html", context=context)
    if made:
        response["HX-Replace-Url"] = _url(member.log, framework, token)  # a reload makes no other token
    return response


def _made(log: Log, framework: Framework, text: str) -> str:
    """Return a token of the log: the one that the page holds, as long as it is good, or else a new one.

    While the token was never used it is named after the framework that is shown last.
    """
    name = framework.title
    if text:
        kept = Token.objects.filter(log=log, hash=hash_of(text), revoked_at=None, scopes=[Scope.APPEND], agent=None)
        if kept.exists():
            kept.filter(last_used_at=None).update(name=name)
            return text
    return create_token(log, name=name, scopes=[Scope.APPEND])


def _token(log: Log, text: str) -> Token | None:
    return Token.objects.filter(log=log, pk=int(text)).first() if text.isdecimal() and len(text) < 19 else None


def _url(log: Log, framework: Framework, token: Token | None) -> str:
    query = {"framework": framework.slug} | ({"token": token.pk} if token else {})
    return f"{reverse('connect', args=[log.name])}?{urlencode(query)}"


@never_cache
@require_safe
@log_page(Role.ADMIN)
def connect_arrivals(request: HttpRequest, member: Member) -> HttpResponse:
    """`/logs/<log>/connect/arrivals`: what came with a token. An open page asks with `X-Seen`, for news only."""
    framework = FRAMEWORKS.get(request.GET.get("framework", ""), DEFAULT)
    token = _token(member.log, request.GET.get("token", ""))
    if token is None:
        raise NotFound("There is no such token in this log.")
    came = _arrivals.get((member.log_id, token.pk), lambda: arrivals(member.log_id, token.pk))
    failures = _failures(member.log)
    if request.headers.get(SEEN) == _version(member.log, token, came, failures):
        return HttpResponse(status=204)
    context = _what_arrives(member, framework, token, came, failures)
    return show(request, member, template="events/_arrivals.html", context=context)


@require_POST
@log_page(Role.ADMIN)
def connect_map_now(request: HttpRequest, member: Member) -> HttpResponse:
    """`/logs/<log>/connect/map-now`: the last run of a token is mapped at once, and not when its time has come.

    With `trace`, the hexadecimal id of a trace, that trace is mapped once more, because something of it failed.
    """
    framework = FRAMEWORKS.get(request.POST.get("framework", ""), DEFAULT)
    token = _token(member.log, request.POST.get("token", ""))
    if trace := request.POST.get("trace"):
        reads.map_again(member.log_id, _trace_id(trace))
    elif token is not None:
        came = arrivals(member.log_id, token.pk)
        reads.map_now(member.log_id, [trace.trace_id for trace in came.traces])
    if request.headers.get("HX-Request"):  # the page asks for news itself, and must keep the token that it shows
        return HttpResponse(status=204)
    return redirect(_url(member.log, framework, token))


def _trace_id(text: str) -> UUID:
    try:
        return UUID(hex=text)
    except ValueError:
        raise NotFound("There is no such trace in this log.") from None


def _what_arrives(
    member: Member,
    framework: Framework,
    token: Token | None,
    came: Arrivals | None,
    failures: Sequence[reads.Failure],
) -> dict[str, Any]:
    """Return what the part of the page shows that waits for a token, and then for its spans or events."""
    has_spans = came is not None and bool(came.traces)
    return {
        "framework": framework,
        "token": token,
        "came": came,
        "outcome": outcome_of(member.log_id, came) if came else None,
        "run": appended_run(member.log, token) if token and not has_spans else None,
        "dropped_words": dropped_words,
        "exporter_words": exporter_words,
        "failures": failures,
        "settle_seconds": settings.EVENTSITE.otel_settle_seconds,
        "seen": _version(member.log, token, came, failures),
        "now": timezone.now(),
    }


def _failures(log: Log) -> Sequence[reads.Failure]:
    return reads.failures(log.pk, limit=_MOST_FAILURES).fetch()


def _version(log: Log, token: Token | None, came: Arrivals | None, failures: Sequence[reads.Failure]) -> str:
    """Return a short text that is another one when what is shown is. A script counts the seconds."""
    of_token = token and (token.last_used_at, token.revoked_at, log.head if token.first_position else None)
    return sha256(repr((of_token, came, failures)).encode()).hexdigest()[:16]
