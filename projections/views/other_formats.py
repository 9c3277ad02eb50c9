"""The other formats of a page about projections: the API's answer, or Markdown.

Asked for by `?format=json`, `?format=md`, or the header Accept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse

from events.api.responses import iso
from events.models import Member
from projections.states.at_moment import Stale
from projections.states.kept import Found
from projections.values.markdown import change_line, code, json_block

_BY_ACCEPT = {"application/json": "json", "text/markdown": "md"}
_SETTERS = 100
_CHANGES = 100


def format_of(request: HttpRequest) -> str | None:
    """`json`, `md`, or None: a page."""
    if (asked := request.GET.get("format")) in ("json", "md"):
        return asked
    return _BY_ACCEPT.get(request.get_preferred_type(["text/html", *_BY_ACCEPT]) or "")


def api_url(member: Member, path: str, **query: str | int | None) -> str:
    """Return the address of the same answer in the API, which takes a session for reads."""
    parameters = {name: value for name, value in query.items() if value is not None}
    return f"/api/projections{path}?{urlencode({'log': member.log.name, **parameters})}"


def projections_md(member: Member, standings: Sequence[Any]) -> HttpResponse:
    """Return the status of each projection of a log, one a line."""
    lines = [f"# Projections of log {code(member.log.name)}, at #{member.log.head}\n"]
    return _markdown([*lines, *map(_standing, standings)])


def projection_md(member: Member, standing: Any, groups: Sequence[Any]) -> HttpResponse:
    """Return the page of one projection: its description, its builds, its parked keys."""
    projection = standing.projection
    lines = [f"# Projection {code(projection.name)} v{projection.version}, log {code(member.log.name)}"]
    lines += [f"\n{projection.about}\n", f"- one state a {code(projection.key.name)}", _standing(standing)]
    for build in filter(None, (standing.live, standing.beside)):
        lines.append(f"- build {build.build} of v{build.version}: {build.state}, at #{build.position} of {build.head}")
        lines += [f"  - {code(build.error)} at #{build.error_position}"] if build.error else []
        if build.unkeyed:
            lines.append(f"  - {build.unkeyed} values can't be keys, the last at #{build.unkeyed_position}")
    for group in groups:
        fault = group.fault
        stopped = f"{code(fault.kind)} in {code(fault.where)}"
        lines.append(f"- {fault.keys} keys parked by {stopped}, from #{fault.first} on")
    return _markdown(lines)


def states_md(member: Member, name: str, context: Mapping[str, Any]) -> HttpResponse:
    """States by key, one line of each."""
    lines = [f"# States of {code(name)}, log {code(member.log.name)}\n"]
    lines += _staleness(context["stale"])
    lines += [_row(row.found, row.said) for row in context["states"]]
    if job := context["job"]:
        lines.append(f"Events are being folded (job {job.pk}): ask again.")
    if context["unknown"]:
        lines.append(context["unknown"])
    if context["next"] is not None:
        lines.append(f"\nEvery key up to {code(context['next'])} was looked at: go on with `after=`.")
    return _markdown(lines)


def state_md(request: HttpRequest, member: Member, name: str, context: Mapping[str, Any]) -> HttpResponse:
    """Return the page of one state: at a moment, the changes between two, the setters, the history of a value."""
    title = f"# {code(context['key'] or 'the whole log')} by {code(name)}, log {code(member.log.name)}\n"
    status = 400 if context.get("problems") else 200
    return _markdown([title, f"<{request.build_absolute_uri()}>", *_state(context)], status=status)


def _state(context: Mapping[str, Any]) -> Iterator[str]:
    if problems := context.get("problems"):
        yield "\n".join(problems)
    elif job := context["job"]:
        yield f"\nEvents are being folded (job {job.pk}): ask again."
    elif failed := context["failed"]:
        yield f"\nThe reducer raised at #{failed.event.position} {code(failed.event.type)}: {code(failed.error)}"
    elif no_state := context["no_state"]:
        yield f"\nWhat the reducer made is no state: {no_state}"
    elif context["after"]:
        yield f"\n## From #{context['asked'].one} to #{context['after'].position}\n"
        yield from (f"- {change_line(each)}" for each in context["changes"][:_CHANGES])
        yield from json_block(context["after"].text)
    else:
        yield from _at(context)


def _at(context: Mapping[str, Any]) -> Iterator[str]:
    state, event = context["state"], context["event"]
    last = f", the last #{event.position} {code(event.type)} at {iso(event.recorded_at)}" if event else ""
    stale = state.stale if context["is_now"] else None
    moment = "At that moment" if not context["is_now"] else "Now" if stale is None else f"As of #{stale.position}"
    yield f"\n## {moment}: {state.events} events{last}"
    yield from _staleness(stale)
    yield from json_block(state.text)
    if touched := context["touched"]:
        yield f"\n## History of {code(context['value'] or 'the whole state')}\n"
        for each in touched:
            by = f" by {code(each.event.agent)}" if each.event.agent else ""
            said = "; ".join(f"{op} {code(f'{old} → {new}')}" for op, _, old, new in each.changes)
            yield f"- #{each.event.position} {code(each.event.type)}{by}: {said}"
        return
    set_by = [row for row in context["rows"] if row.by and row.by.position]
    if set_by:
        yield "\n## Who set what\n"
    for row in set_by[:_SETTERS]:
        by = f" by {code(row.by.agent)}" if row.by.agent else ""
        yield f"- {code(row.pointer or 'the whole state')}: #{row.by.position} {code(row.by.type)}{by}"


def _staleness(stale: Stale | None) -> Iterator[str]:
    """Say why a state, or a list of them, is not as far as the log."""
    if stale is not None:
        error = f": {code(stale.error)} at #{stale.error_position}" if stale.error else ""
        behind = f"{stale.head - stale.position} events behind the log, which goes to #{stale.head}"
        yield f"\n**{stale.reason}**, {behind}{error}\n"


def _standing(standing: Any) -> str:
    live = standing.live
    at = f", at #{live.position}, {live.lag} events behind, {live.parked} keys parked" if live else ""
    return f"- {code(standing.projection.name)} v{standing.projection.version}: {standing.word}{at}"


def _row(found: Found, said: Sequence[tuple[str, str]]) -> str:
    text = code(found.error) if found.error else ", ".join(f"{key} {code(value)}" for key, value in said)
    return f"- {code(found.key or 'the whole log')}: {found.state.events} events to #{found.state.position}: {text}"


def _markdown(lines: Sequence[str], *, status: int = 200) -> HttpResponse:
    text = "\n".join(lines) + "\n"
    return HttpResponse(text, content_type="text/markdown; charset=utf-8", status=status, headers={"Vary": "Accept"})
