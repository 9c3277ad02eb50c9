"""The copies of a step: the API's answer, a test for pytest, Markdown for a ticket."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import redirect

from events.errors import NotFound, TooLarge
from projections.replay.address import ReplayAddress
from projections.replay.copies.markdown import markdown
from projections.replay.copies.step_case import MEDIA_TYPE, step_case
from projections.replay.shown import ShownState
from projections.replay.views.request import ReplayRequest
from projections.replay.views.state_pane import state_job
from projections.replay.views.steps_pane import steps_pane
from projections.replay.views.why_pane import why_pane


@dataclass(frozen=True, slots=True)
class Copy:
    """A format in which a step can be copied, and the address of that copy."""

    name: str
    url: str


def requested_copy(request: ReplayRequest, shown_state: ShownState) -> HttpResponse | None:
    """Return the copy that `?format=` asks for, `json`, `pytest` or `md`; None without that parameter.

    A copy is made from the step itself: no pane is built that it leaves out.

    Raises:
        NotFound: there is no such format.
    """
    match request.http.GET.get("format"):
        case None:
            return None
        case "json":
            return redirect(_api_url(shown_state))
        case "pytest":
            return _case(shown_state)
        case "md":
            return _markdown(request, shown_state)
        case other:
            raise NotFound(f"There is no format {other!r}: it is json, pytest or md.")


def copies(address: ReplayAddress, place: int) -> list[Copy]:
    """Return the formats in which a step can be copied."""
    here = f"{address.step(place)}{'&' if address.suffix else '?'}format="
    return [Copy("JSON", f"{here}json"), Copy("pytest case", f"{here}pytest"), Copy("Markdown", f"{here}md")]


def _api_url(shown_state: ShownState) -> str:
    window, source = shown_state.window, shown_state.window.source
    log, projection = shown_state.address.log_name, window.projection.name
    params = {"log": log, **source.parameters, "place": window.place, "by": projection}
    return f"/api/replays/{source.public_kind}/step?{urlencode(params)}"


def _markdown(request: ReplayRequest, shown_state: ShownState) -> HttpResponse:
    state_job(request, shown_state)  # a copy without the state says that it is being folded
    findings = steps_pane(request, shown_state.window).findings_here
    pane = why_pane(request, shown_state.window)
    history, causes = (pane.why, pane.causes) if pane else (None, [])
    url = request.http.build_absolute_uri(shown_state.address.step(shown_state.window.place))
    return _text(markdown(shown_state, url=url, findings=findings, why=history, causes=causes), "text/markdown")


def _text(text: str, kind: str, *, status: int = 200) -> HttpResponse:
    return HttpResponse(text, content_type=f"{kind}; charset=utf-8", status=status)


def _case(shown_state: ShownState) -> HttpResponse:
    if not shown_state.window.is_known:
        return _text("There is no test for this step: its state is not known.\n", "text/plain", status=409)
    try:
        return _text(step_case(shown_state.window, log_name=shown_state.address.log_name), MEDIA_TYPE)
    except TooLarge as error:
        return _text(f"{error.detail}\n", "text/plain", status=error.status)
