"""The question before a decision about dead letters or parked keys, and the decision."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from events.errors import Invalid
from events.models import Member, Role
from events.reading.db_work import run
from events.subscriptions.letters.deciding import Decision
from events.views.page import log_page, show
from projections.dead_letters.deciding import Order, carry_out
from projections.dead_letters.views.decision_form import DecisionForm
from projections.dead_letters.views.questions import question
from projections.jobs import queue
from projections.models import Job

_DONE = {"retry": "made ready for another attempt", "skip": "skipped", "escalate": "escalated"}


@require_http_methods(["GET", "HEAD", "POST"])
@log_page(Role.OPERATOR)
def decide(request: HttpRequest, member: Member) -> HttpResponse:
    """`/logs/<log>/dead-letters/decide?decision=…`: a GET asks, and counts; a POST decides, and leads back.

    The parameters are those of `DecisionForm`.
    """
    form = DecisionForm(request.POST if request.method == "POST" else request.GET)
    if not form.is_valid():
        return _page(request, member, form, problem=" ".join(form.problems))
    if request.method == "POST":
        try:
            words = _decided(member, form)
        except Invalid as error:
            return _page(request, member, form, problem=error.detail)
        messages.success(request, words)
        return redirect(form.back(member.log.name))
    return _page(request, member, form)


@require_POST
@log_page(Role.OPERATOR)
def cancel(request: HttpRequest, member: Member, pk: int) -> HttpResponse:
    """`/logs/<log>/dead-letters/jobs/<pk>/cancel`: the job ends at its next report. It leads back to the letters."""
    queue.cancel(member.log_id, pk)
    messages.success(request, "The job ends as soon as it can. What it has decided stays decided.")
    return redirect("dead-letters", member.log.name)


def _page(request: HttpRequest, member: Member, form: DecisionForm, *, problem: str = "") -> HttpResponse:
    """Return the question, or the reason why there is none."""
    is_valid = form.is_valid()
    context = {
        "here": "dead-letters",
        "question": run(question(member.log_id, form)) if is_valid else None,
        "problem": problem,
        "back": form.back(member.log.name) if is_valid else "",
    }
    template, partial = "projections/dead_letters/decide.html", "projections/dead_letters/_asked.html"
    return show(request, member, template=template, partial=partial, context=context, status=400 if problem else 200)


def _decided(member: Member, form: DecisionForm) -> str:
    """Decide, and return the result in words.

    Raises:
        Invalid: a field of the decision is not valid.
        TooManyJobs: there are too many jobs for a new one.
    """
    fields = form.cleaned_data
    by = member.user.get_username()
    decision = Decision(fields["decision"], by, fields["to"] or None, fields["note"] or None)
    stop_after = fields["stop_after"] if fields["stops"] else None
    order = Order(fields["target"], decision, fields["canary"], stop_after).checked()
    result = run(carry_out(member.log_id, order, asker=member.asker))
    if isinstance(result, Job):
        return "A job has begun; it stands above the letters until it is done."
    number = sum(each.result == "decided" for each in result)
    noun = "parked key" if fields["projection"] else "letter"
    words = f"{number:,} {noun}{'' if number == 1 else 's'} {_DONE[decision.act]}."
    if others := len(result) - number:
        words += f" About {others:,} there was nothing to decide any more."
    return words
