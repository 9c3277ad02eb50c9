"""An address of a replay that names no step: the step that is shown instead, and why."""

from __future__ import annotations

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from projections.replay.views.request import ReplayRequest
from projections.replay.window import Window


def wrong_place_message(request: ReplayRequest, window: Window) -> SafeString:
    """Return the message for a place at which there is no step, with a link to the step of that number.

    The link is there because people write the number of a step where an address holds a position.
    """
    source, place, count = request.fold.source, request.place, request.extent.count
    is_number = not source.is_numbered and place <= (place if count is None else count)
    url = f"{request.address.step(0)}{'&' if request.address.suffix else '?'}step={place}" if is_number else ""
    context = {"source": source, "place": place, "step": window.step, "number_url": url}
    return SafeString(render_to_string("projections/replay/_instead.html", context))
