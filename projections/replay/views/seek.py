"""Running to a step of a replay: what is sought, what came of it, and the breakpoints."""

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
from projections.replay.address import MOST, Address
from projections.replay.seek import job as seeking
from projections.replay.seek.breakpoints import breakpoints, together
from projections.replay.seek.condition import Condition, ConditionFailed, Failed, Seek, watch_before
from projections.replay.seek.form import Run, SeekForm
from projections.replay.seek.search import seek
from projections.replay.views.seek_panel import panel
from projections.replay.window import Replay, replay
from projections.states.fold import Fold
from projections.values.change import Change

SAID = "seek-said"
"""The part of the page that says what came of a seek, and asks again while a job seeks."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a seek that went to no step. `url` is where `link` leads; of a job, where it is asked for anew."""

    words: str = ""
    wrong: bool = False
    mistake: Mistake | None = None
    job: Job | None = None
    url: str = ""
    link: str = ""


class Nothing(Exception):
    """There is nothing to seek; says why."""


@require_POST
@log_page()
def cancel_seek(request: HttpRequest, member: Member, pk: int) -> HttpResponse:
    """`/logs/<log>/seeks/<pk>/cancel`: whoever may seek may end it; `back` to the page that waits for it."""
    job = queue.one(member.log_id, pk).first()
    if job is None or job.kind != seeking.SEEK:
        raise NotFound(f"There is no search {pk}.")
    queue.cancel(member.log_id, pk)
    back = request.POST.get("back", "")
    is_ours = url_has_allowed_host_and_scheme(back, allowed_hosts=None)
    return redirect(back if is_ours else reverse("timeline", args=[member.log.name]))


class Stand:
    """Where somebody stands who wants to run somewhere: at a step of a replay, with some breakpoints.

    `end` is the place of the source's last step. The window is folded only where a value is followed back from here.
    """

    def __init__(self, member: Member, fold: Fold, address: Address, *, step: int, end: int) -> None:
        self.member, self.fold, self.source = member, fold, fold.source
        self.step, self.end = step, end
        self.every = breakpoints(address.all("break"), timezone.now().replace(microsecond=0))
        # With pinned times: else what asks for a job each second would ask for another one each time.
        self.address = replace(address, asked={**address.asked, "break": tuple(each.text for each in self.every)})
        self.outcome: Outcome | None = None

    def run(self, request: HttpRequest) -> HttpResponse | None:
        """Where a replay's `way` leads; else the page says what came of it."""
        if "way" not in request.GET:
            return None
        is_asked_again = request.headers.get("HX-Target") == SAID
        answer = self.answer(SeekForm(request.GET))
        if isinstance(answer, Outcome):
            self.outcome = answer
            context = {"outcome": answer, "log": self.member.log}
            return render(request, "projections/replay/_sought.html", context) if is_asked_again else None
        if is_asked_again:
            return HttpResponseLocation(answer, target="#replay", swap="outerHTML")
        return redirect(answer)

    def context(self, made: Replay) -> dict[str, Any]:
        """What the page says of it."""
        said = {"outcome": self.outcome, "log": self.member.log}
        return {**said, **panel(made, self.address, self.every, step=self.step)}

    def answer(self, form: SeekForm) -> str | Outcome:
        """The address to go to, or what to say."""
        if not form.is_valid():
            errors = form.errors.as_data()
            if "to" in errors:
                return Outcome(mistake=mistake(form.data.get("to", ""), errors["to"][0]))
            return Outcome("That is no way to run.", wrong=True)
        asked = form.run
        try:
            return self._add(asked) if asked.way == "break" else self._seek(asked)
        except Nothing as nothing:
            return Outcome(str(nothing), wrong=True)

    def _add(self, asked: Run) -> str:
        """One more breakpoint."""
        texts = self.address.all("break")
        if not asked.to:
            raise Nothing("Write what to stop at: type:…, state.…<0, changed:/…")
        if len(texts) >= MOST and asked.to not in texts:
            raise Nothing(f"{MOST} breakpoints are the most that there can be.")
        return self.address.step(self.step, to=None, break_=tuple(dict.fromkeys([*texts, asked.to])))

    def _seek(self, asked: Run) -> str | Outcome:
        source = self.source
        wanted = Seek(self.fold.projection, source, self._condition(asked), self.step, self.end, asked.is_backward)
        job = queue.one(self.member.log_id, asked.job).first() if asked.job else None
        if job and job.key == seeking.key_of(wanted):
            return self._of_job(asked, wanted, job)
        try:
            sought = run(seek(self.member.log_id, wanted, head=self.member.log.head))
        except ConditionFailed as failed:
            return self._went_wrong(f"The condition raised {failed}", source.place(failed.event))
        if sought.event:
            return self.address.step(source.place(sought.event), **asked.kept)
        if sought.rest:
            job = run(seeking.ensure(self.member.log_id, wanted, asker=self.member.asker))
            return self.address.step(self.step, **asked.all, job=str(job.pk))
        failed_at = source.place(sought.failed.at.event) if sought.failed else None
        return self._found_none(wanted, sought.searched_to, failed_at)

    def _condition(self, asked: Run) -> Condition:
        if asked.way in ("continue", "reverse"):
            return self._any_breakpoint()
        if asked.watch is not None:
            watch = watch_before(asked.watch, self._changes() if asked.is_backward else ())
            if watch is None:
                raise Nothing("It came with this step: no step before it changed it.")
            return watch
        if asked.failed:
            return Failed()
        if asked.query == EVERYTHING:
            raise Nothing("Write what to run to: type:…, state.…<0, changed:/…")
        return asked.query

    def _changes(self) -> tuple[Change, ...]:
        """What the step changed."""
        return run(replay(self.fold, place=self.step)).changes

    def _any_breakpoint(self) -> Query:
        try:
            condition = together(self.every)
        except Invalid as error:
            raise Nothing(f"The breakpoints are too much for one search: {error}") from error
        if condition is None:
            raise Nothing("There is no breakpoint to run to.")
        return condition

    def _of_job(self, asked: Run, wanted: Seek, job: Job) -> str | Outcome:
        if job.status != JobStatus.DONE:
            again = self.address.step(self.step, **asked.all)
            rest = (job.result or {}).get("rest")
            return Outcome(job=job, url=again, words=self._searched(wanted, rest["place"]) if rest else "")
        result: dict[str, Any] = job.result or {}
        found, failed = result["found"], result["failed"]
        if found:
            return self.address.step(found["place"], **asked.kept)
        return self._found_none(wanted, result["searched_to"], failed["place"] if failed else None)

    def _found_none(self, wanted: Seek, searched_to: int, failed_at: int | None) -> Outcome:
        words = self._searched(wanted, searched_to)
        if failed_at is None:
            return Outcome(words)
        return self._went_wrong(f"{words} The reducer fails, and what comes behind has no state", failed_at)

    def _went_wrong(self, words: str, place: int) -> Outcome:
        name = f"step {place:,}" if self.source.is_numbered else self.source.label(place)
        return Outcome(words, wrong=True, url=self.address.step(place), link=f"Go to {name}")

    def _searched(self, wanted: Seek, searched_to: int) -> str:
        """How far a search came that found none, in words."""
        first, last = (searched_to, wanted.place - 1) if wanted.backward else (wanted.place + 1, searched_to)
        steps = last - first + 1
        if steps < 1:
            return f"There is no step {'before' if wanted.backward else 'behind'} this one."
        if wanted.source.is_numbered:
            return f"Searched {steps:,} step{'s' if steps > 1 else ''}, {first:,} to {last:,}: none fits."
        return f"Searched this {wanted.source.public_kind} from #{first:,} to #{last:,} of the log: none fits."
