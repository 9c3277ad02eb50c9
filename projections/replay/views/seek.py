"""Seeks from a step of a replay: the condition, the outcome, and the breakpoints."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST
from django_htmx.http import HttpResponseLocation

from events.errors import Invalid, NotFound
from events.models import Member
from events.query.tree import EVERYTHING, Query
from events.reading.db_work import run
from events.views.page import log_page
from events.views.query_bar import Mistake, mistake
from projections.jobs import queue
from projections.models import Job, JobStatus
from projections.replay.address import MAX_REPETITIONS
from projections.replay.seek import job as seek_job
from projections.replay.seek.breakpoints import any_breakpoint, breakpoints
from projections.replay.seek.condition import Condition, ConditionFailed, EventFailed, Seek, watch_before
from projections.replay.seek.form import SeekForm, SeekRequest
from projections.replay.seek.search import seek
from projections.replay.views.request import ReplayRequest
from projections.replay.views.seek_panel import SeekPanel, seek_panel
from projections.replay.window import Window, window_at
from projections.values.change import Change

OUTCOME_ID = "seek-said"
"""The element of the page that shows the outcome. It asks again while a job seeks."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a seek that led to no step.

    `url` is the address of `link`; for a `job`, the address to ask again.
    """

    words: str = ""
    is_wrong: bool = False
    mistake: Mistake | None = None
    job: Job | None = None
    url: str = ""
    link: str = ""


class NothingToSeek(Exception):
    """The request has no condition for a seek; the message says why."""


@require_POST
@log_page()
def cancel_seek(request: HttpRequest, member: Member, pk: int) -> HttpResponse:
    """`/logs/<log>/seeks/<pk>/cancel`: every member may end a seek; `back` is the page that waits for it."""
    job = queue.job_by_id(member.log_id, pk).first()
    if job is None or job.kind != seek_job.SEEK:
        raise NotFound(f"There is no search {pk}.")
    queue.cancel(member.log_id, pk)
    back = request.POST.get("back", "")
    is_ours = url_has_allowed_host_and_scheme(back, allowed_hosts=None)
    return redirect(back if is_ours else reverse("timeline", args=[member.log.name]))


class ReplaySeek:
    """A seek from one step of a replay, with the breakpoints of the address.

    The window is folded only to follow a watched value back. `outcome` is set if `run` leads to no step.
    """

    def __init__(self, request: ReplayRequest) -> None:
        self.member, self.fold, self.source = request.member, request.fold, request.fold.source
        self.place, self.end = request.place, request.extent.last
        self.breakpoints = breakpoints(request.address.all("break"), timezone.now().replace(microsecond=0))
        # The times are pinned. Otherwise a page that asks for its job each second would begin a new one each time.
        texts = tuple(breakpoint.text for breakpoint in self.breakpoints)
        self.address = replace(request.address, parameters={**request.address.parameters, "break": texts})
        self.outcome: Outcome | None = None

    def run(self, request: HttpRequest) -> HttpResponse | None:
        """Return the way to the step that the seek finds; None if there is no seek, or the page shows its outcome."""
        if "way" not in request.GET:
            return None
        is_asked_again = request.headers.get("HX-Target") == OUTCOME_ID
        answer = self._answer(SeekForm(request.GET))
        if isinstance(answer, Outcome):
            self.outcome = answer
            context = {"outcome": answer, "log": self.member.log}
            return render(request, "projections/replay/_seek_outcome.html", context) if is_asked_again else None
        if is_asked_again:
            return HttpResponseLocation(answer, target="#replay", swap="outerHTML")
        return redirect(answer)

    def panel(self, window: Window) -> SeekPanel:
        """Return the panel with the conditions that the page offers to run to."""
        return seek_panel(window, self.address, self.breakpoints, place=self.place)

    def _answer(self, form: SeekForm) -> str | Outcome:
        """Return the address to go to, or the outcome that the page shows."""
        if not form.is_valid():
            errors = form.errors.as_data()
            if "to" in errors:
                return Outcome(mistake=mistake(form.data.get("to", ""), errors["to"][0]))
            return Outcome("This is not a direction to run.", is_wrong=True)
        request = form.seek_request
        try:
            return self._add_breakpoint(request) if request.way == "break" else self._seek(request)
        except NothingToSeek as reason:
            return Outcome(str(reason), is_wrong=True)

    def _add_breakpoint(self, request: SeekRequest) -> str:
        texts = self.address.all("break")
        if not request.to:
            raise NothingToSeek("Write a condition to stop at: type:…, state.…<0, changed:/…")
        if len(texts) >= MAX_REPETITIONS and request.to not in texts:
            raise NothingToSeek(f"There can be at most {MAX_REPETITIONS} breakpoints.")
        return self.address.step(self.place, to=None, break_=tuple(dict.fromkeys([*texts, request.to])))

    def _seek(self, request: SeekRequest) -> str | Outcome:
        target = Seek(
            self.fold.projection, self.source, self._condition(request), self.place, self.end, request.is_backward
        )
        job = queue.job_by_id(self.member.log_id, request.job).first() if request.job else None
        if job and job.key == seek_job.key_of(target):
            return self._of_job(request, target, job)
        try:
            result = run(seek(self.member.log_id, target, head=self.member.log.head))
        except ConditionFailed as failed:
            return self._failure(f"The condition raised {failed}", self.source.place(failed.event))
        if result.event:
            return self.address.step(self.source.place(result.event), **request.lasting_parameters)
        if result.rest:
            job = run(seek_job.ensure_seek(self.member.log_id, target, asker=self.member.asker))
            return self.address.step(self.place, **request.parameters, job=str(job.id))
        failed_place = self.source.place(result.failure.at.event) if result.failure else None
        return self._not_found(target, result.searched_to, failed_place)

    def _condition(self, request: SeekRequest) -> Condition:
        if request.way in ("continue", "reverse"):
            return self._any_breakpoint()
        if request.watch is not None:
            watch = watch_before(request.watch, self._changes() if request.is_backward else ())
            if watch is None:
                raise NothingToSeek("This step set the value first: no step before it changed the value.")
            return watch
        if request.failed:
            return EventFailed()
        if request.query == EVERYTHING:
            raise NothingToSeek("Write a condition to run to: type:…, state.…<0, changed:/…")
        return request.query

    def _changes(self) -> tuple[Change, ...]:
        """The changes that the current step made."""
        return run(window_at(self.fold, place=self.place)).changes

    def _any_breakpoint(self) -> Query:
        try:
            condition = any_breakpoint(self.breakpoints)
        except Invalid as error:
            raise NothingToSeek(f"The breakpoints are too much for one search: {error}") from error
        if condition is None:
            raise NothingToSeek("There is no breakpoint to run to.")
        return condition

    def _of_job(self, request: SeekRequest, target: Seek, job: Job) -> str | Outcome:
        if job.status != JobStatus.DONE:
            url = self.address.step(self.place, **request.parameters)
            rest = (job.result or {}).get("rest")
            return Outcome(job=job, url=url, words=self._searched(target, rest["place"]) if rest else "")
        result: dict[str, Any] = job.result or {}
        step, failed = result["found"], result["failed"]
        if step:
            return self.address.step(step["place"], **request.lasting_parameters)
        return self._not_found(target, result["searched_to"], failed["place"] if failed else None)

    def _not_found(self, target: Seek, searched_to: int, failed_place: int | None) -> Outcome:
        words = self._searched(target, searched_to)
        if failed_place is None:
            return Outcome(words)
        return self._failure(f"{words} The reducer raised, and the steps after that have no state", failed_place)

    def _failure(self, words: str, place: int) -> Outcome:
        name = f"step {place:,}" if self.source.is_numbered else self.source.label(place)
        return Outcome(words, is_wrong=True, url=self.address.step(place), link=f"Go to {name}")

    def _searched(self, target: Seek, searched_to: int) -> str:
        """Return the range of a search that found nothing, in words."""
        first, last = (searched_to, target.place - 1) if target.backward else (target.place + 1, searched_to)
        steps = last - first + 1
        if steps < 1:
            return f"There is no step {'before' if target.backward else 'after'} this one."
        if self.source.is_numbered:
            return f"Searched {steps:,} step{'s' if steps > 1 else ''}, {first:,} to {last:,}: none fits."
        return f"Searched this {self.source.public_kind} from #{first:,} to #{last:,} of the log: none fits."
