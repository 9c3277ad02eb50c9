"""The steps of a replay around the current one: the list, the strip, and the addresses of the buttons."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property

from django.utils.text import Truncator

from events.reading.db_work import run
from events.views.event_line import EventLine, line
from projections.errors import TooManyJobs
from projections.jobs import fold
from projections.replay.address import ReplayAddress
from projections.replay.drawing.overview import Overview, overview
from projections.replay.drawing.strip import Strip, draw_strip
from projections.replay.extent import Extent
from projections.replay.findings import Finding, Findings, findings
from projections.replay.views.request import ReplayRequest
from projections.replay.window import Window, WindowStep
from projections.values.summary import ChangeSummary, gist

_MAX_ERROR_CHARACTERS = 200
"""The page cuts the error that a reducer raised; the traceback in the log has all of it."""


@dataclass(frozen=True, slots=True)
class ListedStep:
    """A step of the list.

    `changes` are summaries of its changes. `is_between`: it lies between the two steps that are compared.
    """

    step: WindowStep
    line: EventLine
    changes: tuple[ChangeSummary, ...]
    findings: list[Finding]
    is_now: bool
    is_ahead: bool
    is_between: bool

    @property
    def is_surely_wrong(self) -> bool:
        """Whether a finding is beyond doubt."""
        return any(finding.is_sure for finding in self.findings)

    @property
    def is_bad(self) -> bool:
        """Whether the event failed, or a finding is beyond doubt."""
        return self.line.failed or self.is_surely_wrong


@dataclass(frozen=True)
class StepsPane:
    """The steps of a window.

    The list and the strip are built when a template asks for them: a page that shows the same window keeps its own.
    """

    window: Window
    address: ReplayAddress
    extent: Extent
    findings: Findings

    @property
    def begins(self) -> bool:
        """Whether the window begins with the first step."""
        window = self.window
        return window.near.begins and (not window.steps or window.steps[0].event is window.near.events[0])

    @property
    def ends(self) -> bool:
        """Whether the window ends with the last step."""
        window = self.window
        return not window.steps or (window.near.ends and window.steps[-1].event is window.near.events[-1])

    @property
    def count(self) -> int | None:
        """The number of steps of the source; None if they are not counted."""
        if self.extent.count is not None or not self.window.steps:
            return self.extent.count
        return self.window.steps[-1].n if self.ends else None

    @property
    def n(self) -> int | None:
        """The number of the current step; None if it is not known."""
        return self.window.step.n if self.window.step else 0

    @property
    def title(self) -> str:
        """The current step in words: "Step 3 of 12", or "Step #41" if steps have no numbers."""
        if self.n is None:
            return f"Step #{self.window.place}"
        return f"Step {self.n}" + ("" if self.count is None else f" of {self.count}")

    @property
    def earlier(self) -> int:
        """The number of steps before the window; 0 if it is not known."""
        return (self.window.steps[0].n or 1) - 1 if self.window.steps else 0

    @property
    def later(self) -> int | None:
        """The number of steps after the window; None if it is not known."""
        last = self.window.steps[-1].n if self.window.steps else None
        return None if self.count is None or last is None else self.count - last

    @cached_property
    def line(self) -> EventLine | None:
        """The line of the current event."""
        return line(self.window.step.event) if self.window.step else None

    @property
    def findings_here(self) -> list[Finding]:
        """The findings at the current step."""
        return self.findings.at(self.window.step.event.position) if self.window.step else []

    @property
    def overview(self) -> Overview | None:
        """The overview of the source with the window in it; None if the window shows all of it."""
        if not self.window.steps or (self.begins and self.ends):
            return None
        return overview(self.window, first=self.extent.first, last=self.extent.last)

    @cached_property
    def ways(self) -> dict[str, str]:
        """The addresses of the steps `first`, `previous`, `next` and `last`, as far as there are such steps."""
        at, steps, step_url = self.window.at, self.window.steps, self.address.step
        ways = {}
        if at >= 0:
            ways["first"] = step_url(0)
            ways["previous"] = step_url(steps[at - 1].place if at else 0)
        if at + 1 < len(steps):
            ways["next"] = step_url(steps[at + 1].place)
            ways["last"] = step_url(steps[-1].place if self.ends else self.extent.last)
        return ways

    @cached_property
    def lines(self) -> list[EventLine]:
        """The lines of the events."""
        return [line(step.event) for step in self.window.steps]

    @cached_property
    def rows(self) -> list[ListedStep]:
        """The rows of the list."""
        at, places_between = self.window.at, self._between()
        return [
            ListedStep(
                step,
                event_line,
                changes=gist(step.changes or ()),
                findings=self.findings.at(step.event.position),
                is_now=i == at,
                is_ahead=i > at,
                is_between=step.place in places_between,
            )
            for i, (step, event_line) in enumerate(zip(self.window.steps, self.lines, strict=True))
        ]

    @cached_property
    def strip(self) -> Strip:
        """The steps drawn side by side."""
        window, pins = self.window, self.address.all("pin")
        return draw_strip(
            window.steps, self.lines, at=window.at, findings=self.findings, states=window.states, pins=pins
        )

    def _between(self) -> range:
        """The places of the events between the two steps that are compared."""
        place, other = self.window.place, self.address.compared_place
        return range(0) if other is None else range(min(place, other) + 1, max(place, other) + 1)


def steps_pane(request: ReplayRequest, window: Window) -> StepsPane:
    """Return the steps of a window with their findings. A fold for findings that takes too long becomes a job."""
    member = request.member
    events = [step.event for step in window.steps]
    steps_findings = run(findings(member.log_id, window.source, events=events, head=member.log.head))
    for projection, too_far in steps_findings.missing:
        with suppress(TooManyJobs):  # a later request starts the job
            run(fold.ensure_source(member.log_id, projection, too_far, asker=member.asker))
    return StepsPane(window, request.address, request.extent, _with_failure(steps_findings, window))


def _with_failure(steps_findings: Findings, window: Window) -> Findings:
    """Return the findings, with one more at the step at which the reducer raised."""
    if window.failure is None:
        return steps_findings
    at = window.failure.at
    words = Truncator(str(window.failure)).chars(_MAX_ERROR_CHARACTERS)
    failure = Finding(at.position, "The reducer raised", words, place=window.source.place(at.event))
    newest = sorted((*steps_findings.newest, failure), key=lambda finding: finding.position)
    return replace(steps_findings, newest=tuple(newest))
