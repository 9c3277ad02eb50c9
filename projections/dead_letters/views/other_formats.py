"""The other formats of the pages of dead letters: the API's answer, Markdown, or fixtures for a test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.utils.http import content_disposition_header

from events.json.markdown import code, json_block
from events.models import Member
from events.subscriptions.letters.letter import Attempt, Letter
from events.types import Event
from events.views.representation import markdown_response
from projections.dead_letters.fixture import MEDIA_TYPE, fixture
from projections.dead_letters.views.state_pane import StatePane


def api_url(member: Member, path: str, **query: str | None) -> str:
    """Return the address of the same answer in the API, which takes a session for reads."""
    parameters = {name: value for name, value in query.items() if value}
    return f"/api/dead-letters{path}?{urlencode({'log': member.log.name, **parameters})}"


def dead_letters_md(member: Member, context: Mapping[str, Any]) -> HttpResponse:
    """Return the groups of dead letters and of parked keys, one a line."""
    lines = [f"# Dead letters of log {code(member.log.name)}, {context['state']}\n"]
    for group in context["groups"]:
        fault = group.fault
        place = f" in {code(fault.frame)}" if fault.frame else ""
        lines.append(
            f"- {code(fault.subscription)}: {code(fault.error_type)}: {code(fault.plain_message)}{place}: "
            f"{fault.letters} letters of {fault.keys} keys, {fault.held} held, {fault.waiting} events wait, "
            f"from #{fault.first} to #{fault.last}"
        )
    for group in context["parked_groups"]:
        fault = group.fault
        lines.append(
            f"- projection {code(group.projection)}: {code(fault.error)} in {code(fault.where)}: "
            f"{fault.keys} parked keys, from #{fault.first} to #{fault.last}"
        )
    if not context["groups"] and not context["parked_groups"]:
        lines.append("Nothing.")
    return markdown_response(lines)


def dead_letter_fixture(member: Member, letter: Letter, event: Event, pane: StatePane) -> HttpResponse:
    """Return one letter as a Python file with fixtures."""
    if pane.before is None:
        text = "There are no fixtures of this letter: the state before its event is not known.\n"
        return HttpResponse(text, content_type="text/plain; charset=utf-8", status=409)
    source = fixture(member.log.name, letter, event, pane.before.way.state.value)
    disposition = content_disposition_header(True, f"{letter.subscription}_{letter.position}.py")
    headers = {"Content-Disposition": disposition}
    return HttpResponse(source, content_type=f"{MEDIA_TYPE}; charset=utf-8", headers=headers)


def dead_letter_md(member: Member, letter: Letter, attempts: Sequence[Attempt], pane: StatePane) -> HttpResponse:
    """Return one letter: its attempts, and the state that its consumer saw."""
    fault = f"{code(letter.error_type)}: {code(letter.plain_message)}"
    lines = [f"# Dead letter {code(str(letter.id))}, log {code(member.log.name)}\n"]
    lines += [f"- {letter.state}, {code(letter.type)} of key {code(letter.key or 'none')}: {fault}"]
    for each in attempts:
        error = f"{code(each.error_type)}: {code(each.message or 'no message')}"
        lines.append(f"- attempt {each.attempt} by {code(each.consumer)}, who could see up to #{each.head}: {error}")
    lines.append(f"\n## The state before #{letter.position}, by {code(letter.projection)}: <{pane.step_url}>")
    if pane.before:
        lines += json_block(pane.before.way.state.text)
    return markdown_response(lines)
