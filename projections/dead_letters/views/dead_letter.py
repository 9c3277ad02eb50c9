"""The page of one dead letter: what was tried, what its consumer saw, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_safe

from events import redaction
from events.access.membership import may
from events.digits import whole_number
from events.errors import NotFound
from events.models import Member, Role
from events.reading import store
from events.reading.db_work import DbWork, run
from events.server_events import server_event_id
from events.subscriptions.letters import reads
from events.subscriptions.letters.letter import DECIDABLE, Attempt, Counts, Letter, LetterId, Selection
from events.types import Event
from events.views.data_tree import data_tree
from events.views.event_line import line
from events.views.page import log_page, show
from events.views.representation import format_of
from events.views.subscriptions.listing import SEEN, version_of
from projections.dead_letters.views.attempts_line import attempts_line
from projections.dead_letters.views.decision_form import ACTS, DecisionForm
from projections.dead_letters.views.frames import Frames, own_frames
from projections.dead_letters.views.jobs import letters_jobs
from projections.dead_letters.views.other_formats import api_url, dead_letter_fixture, dead_letter_md
from projections.dead_letters.views.questions import Question, question
from projections.dead_letters.views.state_pane import replay_before, state_pane


@dataclass(frozen=True, slots=True)
class ShownAttempt:
    """An attempt with the part of its traceback that is shown at first."""

    attempt: Attempt
    frames: Frames


@dataclass(frozen=True, slots=True)
class Alike:
    """The undecided letters with the same fault: how many there are, and those that died before and after this one."""

    counts: Counts
    older: LetterId | None
    newer: LetterId | None


@require_safe
@log_page()
def dead_letter(request: HttpRequest, member: Member, subscription: str, position: int) -> HttpResponse:
    """`/logs/<log>/dead-letters/<subscription>:<position>`. A page that is open asks again with the header `X-Seen`.

    `?for=alike` decides all letters with its fault, and `?decision=` names the decision. `?traceback=` is the whole
    traceback of one attempt, and `?to=replay` leads to the step before the event. `?format=json` is the API, and
    `?format=pytest` has the event and the state before it as fixtures.
    """
    letter = _letter(member, LetterId(subscription, position))
    if (kind := format_of(request)) == "json":
        return redirect(api_url(member, f"/{letter.id}"))
    jobs = [job for job in letters_jobs(member.log_id) if job.is_about(letter)]
    version = version_of((letter, [(each, each.job.status) for each in jobs]))
    if request.headers.get(SEEN) == version:
        return HttpResponse(status=204)
    event = store.event(member.log_id, position).first()
    assert event
    if request.GET.get("to") == "replay":
        return redirect(replay_before(member, letter, event).step_url)
    attempts = reads.attempts(member.log_id, letter).fetch()
    if "traceback" in request.GET:
        return _traceback(attempts, request.GET["traceback"])
    pane = state_pane(request, member, letter, event)
    if kind == "md":
        return dead_letter_md(member, letter, attempts, pane)
    if request.GET.get("format") == "pytest":
        return dead_letter_fixture(member, letter, event, pane)
    context = _context(request, member, letter, event, attempts) | {"pane": pane, "jobs": jobs, "seen": version}
    partial = f"projections/dead_letters/{'_dead_letter' if SEEN in request.headers else '_decision'}.html"
    return show(request, member, template="projections/dead_letters/dead_letter.html", partial=partial, context=context)


def _context(
    request: HttpRequest, member: Member, letter: Letter, event: Event, attempts: Sequence[Attempt]
) -> dict[str, Any]:
    """Return what the page shows of a letter, besides the state before it and its jobs."""
    now = timezone.now()
    return {
        "here": "dead-letters",
        "letter": letter,
        "attempts": [ShownAttempt(each, own_frames(each.traceback or "")) for each in attempts],
        "drawing": attempts_line(event.recorded_at, attempts),
        "event": event,
        "line": line(event),
        "redaction": redaction.of(member.log_id, event),
        "data": data_tree(member.log.name, event, request.GET),
        "alike": run(_alike(member.log_id, letter)),
        "is_alike": _is_alike(request),
        "question": _question(request, member, letter),
        "error_types": {letter.fault: letter.error_type},
        "failed_at": _failed_at(member.log_id, letter),
        "now": now,
        "day_ago": now - timedelta(days=1),
    }


def _letter(member: Member, id: LetterId) -> Letter:
    """Return the letter with an id.

    Raises:
        NotFound: there is no such letter.
    """
    letter = reads.letter(member.log_id, id).first()
    if letter is None:
        raise NotFound(f"There is no dead letter {id}.")
    return letter


def _is_alike(request: HttpRequest) -> bool:
    return request.GET.get("for") == "alike"


def _question(request: HttpRequest, member: Member, letter: Letter) -> Question | None:
    """Return the question about this letter, or about all like it; None if this person has nothing to decide."""
    if not may(member, Role.OPERATOR) or letter.state not in DECIDABLE:
        return None
    act = request.GET.get("decision", ACTS[0])
    fields = QueryDict(mutable=True)
    fields.update(
        {"decision": act if act in ACTS else ACTS[0], "subscription": letter.subscription, "letter": str(letter.id)}
    )
    fields.update({"fault": letter.fault, "all": "1"} if _is_alike(request) else {"position": str(letter.position)})
    form = DecisionForm(fields)
    return run(question(member.log_id, form)) if form.is_valid() else None


def _alike(log_id: int, letter: Letter) -> DbWork[Alike]:
    selection = Selection(subscription=letter.subscription, fault=letter.fault, states=DECIDABLE)
    counts = yield from reads.counts(log_id, selection)
    older = yield from reads.letters(log_id, selection, after=letter.id, limit=1)
    newer = yield from reads.letters(log_id, selection, after=letter.id, limit=1, forward=True)
    ids = [page.letters[0].id if page.letters else None for page in (older, newer)]
    return Alike(counts, *ids)


def _failed_at(log_id: int, letter: Letter) -> int | None:
    """Return the position of the `EventFailed` that records the last death; None while it is not appended."""
    name = f"dead-letter-{letter.number}-{letter.position}-{letter.deaths}"
    id = server_event_id(name)
    found = dict(store.positions_of(log_id, [id, name]).fetch())
    return found.get(id, found.get(name))  # `name` alone is its id in older logs


def _traceback(attempts: Sequence[Attempt], number: str) -> HttpResponse:
    """Return the whole traceback of the attempt with a number.

    Raises:
        NotFound: it has none.
    """
    text = next((each.traceback for each in attempts if each.attempt == whole_number(number)), None)
    if text is None:
        raise NotFound("This attempt has no traceback.")
    return HttpResponse(text, content_type="text/plain; charset=utf-8")
