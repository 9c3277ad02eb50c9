"""The API's answers about replays, built as the structs that describe them."""

from __future__ import annotations

from events.api.responses import event_out
from events.json.pointer import at as value_at
from events.types import Event
from projections.api.responses import change_out, job_url, raw_json
from projections.models import Job
from projections.replay.api.schemas import (
    BeforeOut,
    SeekOut,
    StepEventOut,
    StepOut,
    StepRow,
    StepsOut,
    TouchOut,
    WhyOut,
)
from projections.replay.seek.condition import SeekResult
from projections.replay.step import Step, Steps
from projections.replay.why import Why
from projections.replay.window import Window
from projections.states.fold import Fold


def steps_out(fold: Fold, steps: Steps, *, job: Job | None) -> StepsOut:
    """Return the answer with steps in order."""
    return StepsOut(
        *_replayed(fold),
        steps=[
            StepRow(step.place, step.n, _step_event(step.event), None if step.changes is None else len(step.changes))
            for step in steps.steps
        ],
        next=steps.next,
        position=fold.head,
        error=str(steps.failure) if steps.failure else None,
        error_position=steps.failure.at.position if steps.failure else None,
        job=job_url(job) if job else None,
    )


def step_out(fold: Fold, step: Step) -> StepOut:
    """Return the answer with one step."""
    return StepOut(
        *_replayed(fold),
        place=step.place,
        n=step.n,
        position=step.event.position if step.event else step.place,
        event=event_out(step.event) if step.event else None,
        state=raw_json(step.state),
        changes=[change_out(change) for change in step.changes],
        previous=step.previous,
        next=step.next,
    )


def why_out(fold: Fold, window: Window, why: Why) -> WhyOut:
    """Return the answer with the history of a value."""
    step = window.step
    try:
        is_there, value = True, value_at(window.after, why.pointer)
    except LookupError:
        is_there, value = False, None
    return WhyOut(
        *_replayed(fold),
        place=step.place if step else 0,
        n=step.n if step else 0,
        position=step.event.position if step else 0,
        pointer=why.pointer,
        found=is_there,
        value=raw_json(value),
        history=[
            TouchOut(
                change.place,
                change.n,
                change.pointer,
                _step_event(change.event),
                [change_out(operation) for operation in change.operations],
            )
            for change in why.changes
        ],
        more=why.unlisted_count,
        before=BeforeOut(why.rest.place, why.rest.pointer) if why.rest else None,
        previous=why.previous,
        next=why.next,
        looked_to=why.searched_to,
    )


def seek_out(fold: Fold, result: SeekResult) -> SeekOut:
    """Return the answer with the result of a seek."""
    event, failure = result.event, result.failure
    return SeekOut(
        *_replayed(fold),
        place=fold.source.place(event) if event else None,
        n=fold.source.number_of(event) if event else None,
        event=_step_event(event) if event else None,
        searched_to=result.searched_to,
        error=str(failure) if failure else None,
        error_position=failure.at.position if failure else None,
    )


def _replayed(fold: Fold) -> tuple[str, str, str]:
    return fold.projection.name, fold.source.public_kind, fold.source.name


def _step_event(event: Event) -> StepEventOut:
    return StepEventOut(event.position, event.stream, event.version, event.id, event.type, event.agent, event.at)
