"""The replay debugger: one stream, step by step."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from events.errors import NoSuchEvent
from events.json_tree import Row, tree
from events.json_value import loads
from events.line import Line, line
from events.models import Member
from events.views.event import whole_text
from events.views.page import log_page, show
from events.views.streams import existing
from projections import registry
from projections.marks import marks
from projections.replay import FOLD_LIMIT, StreamReplay, replay_stream


@dataclass(frozen=True, slots=True)
class Stop:
    """One event of the list: is the cursor on it, or is it still ahead?"""

    line: Line
    is_now: bool
    is_ahead: bool


@require_safe
@log_page()
def replay_stream_page(request: HttpRequest, member: Member, name: str, step: int) -> HttpResponse:
    """`/logs/<log>/replay/stream/<name>/<step>`; `?text=` shows one long text of the state whole."""
    stream = existing(member.log_id, name)
    if "step" in request.GET:
        return redirect("replay-stream", member.log.name, name, _wanted(request.GET["step"], stream.version, step))
    if step > stream.version:
        raise NoSuchEvent(f"{name} has {stream.version} steps.")
    replay = replay_stream(member.log_id, stream, n=step, projection=registry.get("latest"))
    pointer = request.GET.get("text")
    if pointer is not None and replay.step and request.headers.get("HX-Request"):
        return render(request, "components/_text.html", {"row": whole_text(replay.step.after, pointer)})
    context = {
        "here": "streams",
        "replay": replay,
        "projection": registry.get("latest"),
        "fold_limit": FOLD_LIMIT,
        "stops": _stops(replay),
        "line": line(replay.event) if replay.event else None,
        "data": tree(loads(replay.event.data)) if replay.event else [],
        "state": _state(replay, pointer),
        "changed": _counts(replay),
        "before_list": replay.nearby[0].version - 1 if replay.nearby else 0,
        "after_list": stream.version - replay.nearby[-1].version if replay.nearby else 0,
    }
    return show(
        request, member, template="projections/replay.html", partial="projections/_replay.html", context=context
    )


def _wanted(text: str, last: int, current: int) -> int:
    """The step that the box asks for, kept within the stream."""
    return min(int(text), last) if text.isascii() and text.isdigit() and len(text) < 19 else current


def _stops(replay: StreamReplay) -> list[Stop]:
    return [
        Stop(line=line(event), is_now=event.version == replay.n, is_ahead=event.version > replay.n)
        for event in replay.nearby
    ]


def _state(replay: StreamReplay, pointer: str | None) -> list[Row]:
    if replay.step is None:
        return tree(replay.failed.state) if replay.failed else []
    return tree(replay.step.after, marks=marks(replay.step.changes), whole=pointer)


def _counts(replay: StreamReplay) -> dict[str, int]:
    changes = replay.step.changes if replay.step else ()
    return {op: sum(change.op == op for change in changes) for op in ("add", "replace", "remove")}
