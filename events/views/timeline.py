"""The timeline: the log's events, newest first, by position both ways."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from events import store, tokens
from events.forms import TimelineForm
from events.line import Line, line
from events.models import Member, Role, Scope, Token
from events.types import Event, Filter
from events.views.page import log_page, show

ROWS = 100
FIRST_TOKEN = "first event"  # noqa: S105  # its name
FIRST_TOKEN_LIFETIME = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Page:
    """Rows, newest first. `at_head` says that nothing that fits is newer; the cursors lead on from here."""

    lines: tuple[Line, ...]
    at_head: bool
    has_older: bool
    newer: int
    older: int

    @property
    def first(self) -> int | None:
        return self.lines[0].event.position if self.lines else None

    @property
    def last(self) -> int | None:
        return self.lines[-1].event.position if self.lines else None


@require_safe
@log_page()
def timeline(request: HttpRequest, member: Member) -> HttpResponse:
    """`/logs/<log>/`"""
    form = TimelineForm(request.GET)
    if not form.is_valid():
        return _answer(request, member, form=form, page=_EMPTY, where=Filter(), status=400)
    where = form.where()
    page = read_page(member.log_id, where, before=form.cleaned_data["before"], after=form.cleaned_data["after"])
    return _answer(request, member, form=form, page=page, where=where)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@log_page(Role.ADMIN)
def first_token(request: HttpRequest, member: Member) -> HttpResponse:
    """`/logs/<log>/first-token`: the page of an empty log, with a token made for its commands and shown this once."""
    if request.method != "POST" or member.log.head:
        return redirect("timeline", member.log.name)
    now = timezone.now()
    Token.objects.filter(log=member.log, name=FIRST_TOKEN, expires_at__lt=now).delete()
    made = tokens.create(
        member.log, name=FIRST_TOKEN, scopes=[Scope.APPEND, Scope.READ], expires_at=now + FIRST_TOKEN_LIFETIME
    )
    page = read_page(member.log_id, Filter(), before=None, after=None)
    return _answer(request, member, form=TimelineForm(), page=page, where=Filter(), made=made)


def read_page(log_id: int, where: Filter, *, before: int | None, after: int | None) -> Page:
    """One page. Reading newer events up to the head gives the head's page, so that rows stay live there."""
    if after is not None and before is None:
        newer = store.events(log_id, where, after=after, limit=ROWS + 1).fetch()
        if len(newer) > ROWS:
            return _page(newer[ROWS - 1 :: -1], at_head=False, has_older=True, edge=after)
    events = store.events(log_id, where, before=before, backward=True, limit=ROWS + 1).fetch()
    edge = before if before is not None else 1
    return _page(events[:ROWS], at_head=before is None, has_older=len(events) > ROWS, edge=max(edge, 1) - 1)


def _page(events: list[Event], *, at_head: bool, has_older: bool, edge: int) -> Page:
    return Page(
        lines=tuple(map(line, events)),
        at_head=at_head,
        has_older=has_older,
        newer=events[0].position if events else edge,
        older=events[-1].position if events else edge + 1,
    )


_EMPTY = Page(lines=(), at_head=False, has_older=False, newer=0, older=0)


def _answer(
    request: HttpRequest,
    member: Member,
    *,
    form: TimelineForm,
    page: Page,
    where: Filter,
    made: str | None = None,
    status: int = 200,
) -> HttpResponse:
    asked = request.GET.copy()
    for cursor in ("before", "after"):
        asked.pop(cursor, None)
    context = {
        "here": "timeline",
        "form": form,
        "page": page,
        "filtered": where != Filter(),
        # The head was read before the rows: what fits up to here is on the page or older than it.
        "seen": max(member.log.head, page.first or 0),
        "socket": f"/ws/logs/{member.log.name}/?{asked.urlencode()}",
        "base_url": request.build_absolute_uri("/"),
        "made": made,
    }
    return show(
        request,
        member,
        template="events/timeline.html",
        partial="events/_timeline.html",
        context=context,
        status=status,
    )
