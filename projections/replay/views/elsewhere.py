"""An address of a replay that names no step: the step that is shown instead, and why."""

from __future__ import annotations

from django.utils.html import format_html
from django.utils.safestring import SafeString

from projections.replay.views.request import ReplayRequest
from projections.replay.window import Replay


def instead(asked: ReplayRequest, made: Replay) -> SafeString:
    """What the page says of a place at which no step stands; with a way to the step of that number, if it may be one.

    People write the number of a step where an address holds a position.
    """
    source, place, count = asked.fold.source, asked.place, asked.extent.count
    if made.stop is None:
        shown = "this is step 0, before its first event"
    elif source.is_numbered:
        shown = "this is its last step"
    else:
        shown = f"this is the step before that, at {source.label(made.stop.place)}"
    words = format_html("{} has no step at {}: {}.", source.words.capitalize(), source.label(place), shown)
    if source.is_numbered or place > (place if count is None else count):
        return words
    url = f"{asked.address.step(0)}{'&' if asked.address.suffix else '?'}step={place}"
    return format_html('{} <a class="link" href="{}">Go to step number {}</a>', words, url, place)
