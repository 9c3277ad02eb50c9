"""The replay debugger: a source of events and a projection, step by step."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from events.errors import NotFound
from events.json.tree import Links
from events.models import Member
from events.reading.db_work import run
from events.views.event import whole_text
from events.views.page import log_page, show
from projections import registry
from projections.replay.address import Address
from projections.replay.extent import Extent
from projections.replay.shown import Seen, look
from projections.replay.views.copies import copied, formats
from projections.replay.views.elsewhere import instead
from projections.replay.views.event_pane import replay_event
from projections.replay.views.kept_window import HEADER, follow_path, window
from projections.replay.views.request import ReplayRequest
from projections.replay.views.seek import Stand
from projections.replay.views.state_pane import part_of, replay_state, tree_context
from projections.replay.views.steps_pane import replay_steps
from projections.replay.window import Replay, replay
from projections.states.fold import Fold
from projections.states.sources.base import Source
from projections.states.sources.indexed import AgentSource, StreamSource, WorkflowSource

_SPEEDS = (
    ("¼×", 4000), ("½×", 2000), ("1×", 1000), ("2×", 500), ("4×", 250), ("8×", 125), ("16×", 62), ("32×", 31)
)  # fmt: skip
"""Milliseconds that a step is shown for while it plays."""
_HERE: dict[type[Source], str] = {WorkflowSource: "workflows", StreamSource: "streams"}
"""The entry of the navigation that a source belongs to."""


@require_safe
@log_page()
def replay_page(request: HttpRequest, member: Member, kind: str, step: int, name: str = "") -> HttpResponse:
    """`/logs/<log>/replay/<kind>/<name>/<step>`; `by` names the projection, `why` a value whose history is shown.

    `?step=` goes to a step by its number, `?place=` by its place; `?text=` shows one long text of the state whole,
    `?format=` is a copy of it.
    """
    asked = ReplayRequest.parse(request, member, kind=kind, name=name, place=step)
    if isinstance(asked, str):
        return redirect(asked)
    fold, address, whole = asked.fold, asked.address, asked.extent
    if (place := asked.named_place) is not None:
        return redirect(address.step(place))
    stand = Stand(member, fold, address, step=step, end=whole.last)
    if answer := stand.run(request):
        return answer
    made = _made(fold, step)
    is_elsewhere = _is_elsewhere(made, step)
    if is_elsewhere and "HX-Request" not in request.headers:
        messages.warning(request, instead(asked, made))
    if is_elsewhere or asked.has_other_query:
        return redirect(address.step(made.stop.place if made.stop else 0))
    seen = look(fold, made, address)
    if seen.is_known and asked.is_partial:
        return _loaded(request, seen)
    context = {
        **_frame(address, step, whole),
        # First: its job is more urgent than those that find what is wrong.
        **replay_state(request, member, fold, seen),
        **replay_steps(member, made, address, whole),
        **replay_event(member, made, address),
        **stand.context(made),
    }
    if copy := copied(request, seen, context):
        return copy
    context |= _window(request, made, address, context)
    return show(
        request,
        member,
        template="projections/replay/page.html",
        partial="projections/replay/_replay.html",
        context=context,
    )


def _frame(address: Address, step: int, whole: Extent) -> dict[str, Any]:
    """What stands around the step."""
    source = address.source
    return {
        "here": _HERE.get(type(source), "timeline"),
        "at": address,
        "whole": whole,
        "source_words": source.words,
        "home_url": address.home,
        "speeds": _SPEEDS,
        "formats": formats(address, step),
        "projections": [(each, address.step(step, by=each.name, why=None)) for each in registry.PROJECTIONS.values()],
    }


def _window(request: HttpRequest, made: Replay, address: Address, context: dict[str, Any]) -> dict[str, Any]:
    """The window that the step is in, and whether the page shows it already."""
    shown = window(made, address, context)
    return {
        "window": shown,
        "is_kept": bool(shown) and request.headers.get(HEADER) == shown,
        "follow": follow_path(address.log_name, address.source),
    }


def _loaded(request: HttpRequest, seen: Seen) -> HttpResponse:
    """A long text of the state, or a part of it that was opened."""
    if "text" in request.GET:
        row = whole_text(seen.after, request.GET["text"])
        return render(request, "components/_text.html", {"row": row, "links": Links()})
    part = part_of(request, seen.address)
    return render(request, "projections/replay/_rows.html", tree_context(seen, part))


def _made(fold: Fold, step: int) -> Replay:
    made = run(replay(fold, place=step))
    if isinstance(fold.source, AgentSource) and not made.stops:
        raise NotFound(f"There is no event of an agent {fold.source.name!r}.")
    return made


def _is_elsewhere(made: Replay, place: int) -> bool:
    """Whether the last step at or before a place has a place of its own. (A search may have given up before it.)"""
    return made.stop.place != place if made.stop else bool(place) and made.near.begins
