"""The parts that all pages of a log share: the access check, the frame's context, page or partial."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeAlias, cast

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django_htmx.middleware import HtmxDetails

from events.access.membership import may, membership
from events.converters import events_url
from events.errors import AddressTooLong, EventsError, NotFound
from events.lists.type_numbers import TypeNumbers
from events.models import Member, Role
from events.views.glyphs import Glyphs

MAX_QUERY_CHARACTERS = 4_000
"""The limit of a page's query string. A page repeats it in its links, a hundred times and more."""
ROOM_BYTES = 8 * 2**20
"""Most bytes of data and metadata that a page of events reads: of large events it shows fewer."""

P = ParamSpec("P")
LogPage: TypeAlias = Callable[Concatenate[HttpRequest, Member, P], HttpResponse]
Page: TypeAlias = Callable[Concatenate[HttpRequest, str, P], HttpResponse]


def log_page(role: Role = Role.VIEWER) -> Callable[[LogPage[P]], Page[P]]:
    """Turn a view into a page of the log that its URL names, for members with a role. The view gets the membership.

    A person who isn't signed in is redirected to the sign-in page. A log that doesn't exist, or that the person may not
    see, is a 404 that doesn't tell which. A member gets the reason of a refusal.
    """

    def decorate(view: LogPage[P]) -> Page[P]:
        @login_required
        @wraps(view)
        def page(request: HttpRequest, log: str, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            try:
                member = membership(cast("Any", request.user), log, role=role)
            except NotFound as error:
                raise Http404(str(error)) from error
            try:
                _check_length(request.META["QUERY_STRING"])
                if any("\0" in value for value in kwargs.values() if isinstance(value, str)):
                    raise NotFound("A name can’t hold NUL.")  # the database refuses a query with one
                return view(request, member, *args, **kwargs)
            except EventsError as error:
                return _refusal(request, member, error)

        return cast("Page[P]", page)

    return decorate


def _check_length(query_string: str) -> None:
    if len(query_string) > MAX_QUERY_CHARACTERS:
        raise AddressTooLong(
            f"The query has {len(query_string):,} characters; a page takes {MAX_QUERY_CHARACTERS:,}, the API more."
        )


def _refusal(request: HttpRequest, member: Member, error: EventsError) -> HttpResponse:
    """Return a page with the reason of a refusal."""
    heading = "There is nothing here" if isinstance(error, NotFound) else error.title()
    context = {"heading": heading, "words": error.detail}
    response = show(request, member, template="events/not_found.html", context=context, status=error.status)
    if error.retry_after is not None:
        response["Retry-After"] = str(error.retry_after)
    return response


def show(
    request: HttpRequest,
    member: Member,
    *,
    template: str,
    context: Mapping[str, Any],
    partial: str | None = None,
    status: int = 200,
) -> HttpResponse:
    """Render a page of a log, or only its partial if htmx asks for that."""
    frame = {
        "here": "",
        "subscriptions_due": "",  # how many ask for somebody: their page says it
        "log": member.log,
        "events_url": events_url(member.log.name),
        "glyphs": Glyphs(TypeNumbers(member.log_id)),
        "log_name": member.log.name,
        "is_admin": may(member, Role.ADMIN),
        "is_operator": may(member, Role.OPERATOR),
    }
    template_name = partial if partial and _wants_partial(request) else template
    response = render(request, template_name, frame | dict(context), status=status)
    patch_vary_headers(response, ("HX-Request",))
    return response


def _wants_partial(request: HttpRequest) -> bool:
    htmx: HtmxDetails = request.htmx  # type: ignore[attr-defined]
    return bool(htmx) and not htmx.history_restore_request
