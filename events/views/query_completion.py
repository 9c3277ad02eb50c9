"""The completions while somebody types: terms of a query, ids of workflows."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from events.errors import NotFound
from events.lists import reads as lists
from events.models import Member
from events.query.unfinished import unfinished
from events.views import completions as completing
from events.views.forms import CompletionForm, WorkflowsForm
from events.views.page import log_page


@require_safe
@log_page()
def completions(request: HttpRequest, member: Member) -> HttpResponse:
    """`/logs/<log>/completions?q=<before the caret>&rest=<after it>`: options of the query bar's listbox."""
    form = CompletionForm(request.GET)
    term = unfinished(form.cleaned_data["q"], form.cleaned_data["rest"]) if form.is_valid() else None
    options = completing.complete(member.log_id, term) if term else []
    return render(request, "events/_completions.html", {"completions": options, "typed": term.text if term else ""})


@require_safe
@log_page()
def seen(request: HttpRequest, member: Member, name: str) -> HttpResponse:
    """`/logs/<log>/seen/correlation_id?id=<beginning>`: options for a datalist of workflows."""
    if name != "correlation_id":
        raise NotFound
    form = WorkflowsForm(request.GET)
    prefix = form.cleaned_data["id"] if form.is_valid() else ""
    names = lists.workflow_ids(member.log_id, prefix=prefix, limit=completing.MAX_COMPLETIONS).fetch()
    return render(request, "events/_seen.html", {"names": names})
