"""The view of one state at any moment: its values with their setters, a difference, the history of a value."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from events.api.responses import iso
from events.errors import Invalid
from events.json.tree import RowUrls
from events.models import Member
from events.views.event import whole_text
from events.views.page import log_page, show
from events.views.representation import format_of
from projections import registry
from projections.definition.projection import Projection
from projections.views.forms import StateForm, StateRequest
from projections.views.other_formats import api_url
from projections.views.state.freshness import HEADER, is_fresh
from projections.views.state.markdown import state_markdown
from projections.views.state.page import StatePage, state_page


@require_safe
@log_page()
def state(request: HttpRequest, member: Member, name: str) -> HttpResponse:
    """`/logs/<log>/projections/<name>/state?key=…`, now or at one of `at_version`, `at_position`, `at_time`.

    `from` and `to` show the difference between two positions, `value` the history of the value at a pointer, `text` one
    long text whole. `?format=` is described in `events/views/representation.py`.
    """
    projection = registry.get(name)
    form = StateForm(request.GET)
    format_name = format_of(request)
    if form.is_valid():
        if format_name == "json":
            return redirect(_api_url(member, projection, form.state_request))
        if is_fresh(request, member, projection, form.state_request):
            return HttpResponse(status=204)
    page = _page(request, member, projection, form)
    if format_name == "md":
        return state_markdown(page, member.log.name, url=request.build_absolute_uri())
    if page.tree and "text" in request.GET and request.headers.get("HX-Request"):
        row = whole_text(page.tree.value, request.GET["text"])
        return render(request, "components/_text.html", {"row": row, "links": RowUrls()})
    return show(
        request,
        member,
        template="projections/state.html",
        partial="projections/_state.html",
        context={
            "here": "projections",
            "page": page,
            "is_update": HEADER in request.headers,
            "state_url": request.path,
        },
        status=400 if page.problems else 200,
    )


def _page(request: HttpRequest, member: Member, projection: Projection, form: StateForm) -> StatePage:
    if form.is_valid():
        try:
            return state_page(request, member, projection, form.state_request)
        except Invalid as error:
            problems = [error.detail]
    else:
        problems = [str(problem) for field_problems in form.errors.values() for problem in field_problems]
    return StatePage(projection, request.GET.get("key", ""), problems=tuple(problems))


def _api_url(member: Member, projection: Projection, request: StateRequest) -> str:
    """Return the address of the API's answer to the same request."""
    if request.from_position is not None:
        to = member.log.head if request.to_position is None else request.to_position
        path = f"/{projection.name}/diff"
        return api_url(member, path, key=request.key, from_position=request.from_position, to_position=to)
    at = request.at
    time = iso(at.time) if at.time else None
    path = f"/{projection.name}/state"
    return api_url(member, path, key=request.key, at_time=time, at_version=at.version, at_position=at.position)
