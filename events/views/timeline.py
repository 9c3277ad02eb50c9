"""The timeline: the log's events that fit a query, newest first, with pages in both directions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from events.access import tokens
from events.converters import query_string
from events.models import Log, Member, Role, Scope, Token
from events.query.printing import to_text
from events.query.tree import EVERYTHING, Name, Named, Pattern, Query, all_of, terms
from events.reading import scan
from events.reading.scan import Search
from events.types import Event
from events.views.event_line import EventLine, line
from events.views.forms import TimelineForm
from events.views.page import ROOM_BYTES, log_page, show
from events.views.query_bar import chips, mistake

ROWS = 100
_SHORTHAND = {
    "type": Name.TYPE,
    "agent": Name.AGENT,
    "tag": Name.TAG,
    "stream": Name.STREAM,
    "correlation_id": Name.CORRELATION,
}
"""Parameters that the API takes beside `q`, and that pages took before they had a query."""
FIRST_TOKEN = "first event"  # noqa: S105  # its name
FIRST_TOKEN_LIFETIME = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class TimelinePage:
    """Rows, newest first, and the cursors of the pages before and after them.

    `at_head`: no newer event fits. `older` and `newer` are the bounds of the range that was searched: beyond them there
    is more to show (`has_older`), or more to search (`stopped` is the direction of the search).
    """

    lines: tuple[EventLine, ...] = ()
    at_head: bool = False
    has_older: bool = False
    stopped: str = ""
    newer: int = 0
    older: int = 0

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
        return _answer(request, member, form=form, page=TimelinePage(), status=400)
    fields = form.cleaned_data
    if shorthand := [_named(name, text) for old, name in _SHORTHAND.items() if (text := request.GET.get(old))]:
        return _in_one_query(request, all_of([*shorthand, fields["query"]]))
    page = read_page(member.log, fields["query"], before=fields["before"], after=fields["after"])
    return _answer(request, member, form=form, page=page)


def _named(name: Name, text: str) -> Named:
    return Named(name, Pattern.of(text.split("*")))


def _in_one_query(request: HttpRequest, query: Query) -> HttpResponse:
    """Redirect to the same page with all conditions in its query, so that the query bar shows them."""
    params = request.GET.copy()
    for old in _SHORTHAND:
        params.pop(old, None)
    params["q"] = to_text(query)
    return redirect(f"{request.path}?{params.urlencode()}")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@log_page(Role.ADMIN)
def first_token(request: HttpRequest, member: Member) -> HttpResponse:
    """`/logs/<log>/first-token`: the page of an empty log, with a new token for its commands, which is shown once."""
    if request.method != "POST" or member.log.head:
        return redirect("timeline", member.log.name)
    now = timezone.now()
    Token.objects.filter(log=member.log, name=FIRST_TOKEN, expires_at__lt=now).delete()
    token = tokens.create_token(
        member.log, name=FIRST_TOKEN, scopes=[Scope.APPEND, Scope.READ], expires_at=now + FIRST_TOKEN_LIFETIME
    )
    page = read_page(member.log, EVERYTHING, before=None, after=None)
    form = TimelineForm({})
    form.is_valid()
    return _answer(request, member, form=form, page=page, token=token)


def read_page(log: Log, query: Query, *, before: int | None, after: int | None) -> TimelinePage:
    """Return one page. A page of newer events that reaches the head is the head's page, whose rows stay live."""
    if after is not None and before is None:
        newer = _search(log, query, after=after, backward=False).fetch()
        if not newer.at_end or len(newer.events) > ROWS:
            return _newer(newer.events[:ROWS], after, newer.searched_to, has_more=len(newer.events) > ROWS)
    result = _search(log, query, before=before).fetch()
    events = result.events[:ROWS]
    has_more = len(result.events) > ROWS
    stopped = not has_more and not result.at_end
    edge = before if before is not None else 1
    return TimelinePage(
        lines=tuple(map(line, events)),
        at_head=before is None,
        has_older=has_more,
        stopped="back" if stopped else "",
        newer=events[0].position if events else max(edge, 1) - 1,
        older=result.searched_to if stopped else events[-1].position if events else max(edge, 1),
    )


def _search(
    log: Log, query: Query, *, after: int | None = None, before: int | None = None, backward: bool = True
) -> Search:
    return scan.search_events(
        log.pk,
        query,
        after=after,
        before=before,
        backward=backward,
        limit=ROWS + 1,
        room=ROOM_BYTES,
        head=log.head,
    )


def _newer(events: tuple[Event, ...], after: int, searched_to: int, *, has_more: bool) -> TimelinePage:
    """Return a page that was read from its oldest row on; the events before it may fit too."""
    return TimelinePage(
        lines=tuple(map(line, reversed(events))),
        has_older=True,
        stopped="" if has_more else "on",
        newer=events[-1].position if has_more else searched_to,
        older=events[0].position if events else after + 1,
    )


def _answer(
    request: HttpRequest,
    member: Member,
    *,
    form: TimelineForm,
    page: TimelinePage,
    token: str | None = None,
    status: int = 200,
) -> HttpResponse:
    query: Query = form.cleaned_data["query"] if form.is_valid() else EVERYTHING
    context = {
        "here": "timeline",
        "form": form,
        "page": page,
        "asked": to_text(query),
        "workflow": _workflow(query),
        # The head was read before the rows: an event that fits, up to here, is on the page or older than it.
        "seen": max(member.log.head, page.first or 0),
        "socket": f"/ws/logs/{member.log.name}/{query_string(query)}",
        "base_url": request.build_absolute_uri("/"),
        "made": token,
        **_bar(form, query),
    }
    return show(
        request,
        member,
        template="events/timeline.html",
        partial="events/_timeline.html",
        context=context,
        status=status,
    )


def _bar(form: TimelineForm, query: Query) -> dict[str, Any]:
    text = form.data.get("q", "")
    errors = form.errors.as_data().get("q")
    return {
        "written": text,
        "mistake": mistake(text, errors[0]) if errors else None,
        "chips": chips(form.cleaned_data["q"], query) if form.is_valid() else [],
    }


def _workflow(query: Query) -> str | None:
    """Return the workflow to which all rows belong, or None."""
    names = (term.pattern.exact for term in terms(query) if isinstance(term, Named) and term.name is Name.CORRELATION)
    return next(names, None)
