"""The other representations of a page about projections: the API's answer, or Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse

from events.json.markdown import code
from events.models import Member
from events.views.representation import markdown_response
from projections.states.at_moment import Stale


def api_url(member: Member, path: str, **query: str | int | None) -> str:
    """Return the address of the same answer in the API, which takes a session for reads."""
    parameters = {name: value for name, value in query.items() if value is not None}
    return f"/api/projections{path}?{urlencode({'log': member.log.name, **parameters})}"


def projections_md(member: Member, standings: Sequence[Any]) -> HttpResponse:
    """Return the status of each projection of a log, one a line."""
    lines = [f"# Projections of log {code(member.log.name)}, at #{member.log.head}\n"]
    return markdown_response([*lines, *map(_standing, standings)])


def projection_md(member: Member, standing: Any, groups: Sequence[Any]) -> HttpResponse:
    """Return the page of one projection: its description, its builds, its parked keys."""
    projection = standing.projection
    lines = [f"# Projection {code(projection.name)} v{projection.version}, log {code(member.log.name)}"]
    lines += [f"\n{projection.about}\n", f"- key: {code(projection.key.name)}", _standing(standing)]
    for build in filter(None, (standing.live, standing.beside)):
        lines.append(f"- build {build.build} of v{build.version}: {build.state}, at #{build.position} of {build.head}")
        lines += [f"  - {code(build.error)} at #{build.error_position}"] if build.error else []
        if build.unkeyed:
            lines.append(f"  - {build.unkeyed} values can't be keys, the last at #{build.unkeyed_position}")
    for group in groups:
        fault = group.fault
        error = f"{code(fault.kind)} in {code(fault.where)}"
        lines.append(f"- {fault.keys} keys parked by {error}, from #{fault.first} on")
    return markdown_response(lines)


def states_md(member: Member, name: str, context: Mapping[str, Any]) -> HttpResponse:
    """Return a page of states by key, one a line."""
    lines = [f"# States of {code(name)}, log {code(member.log.name)}\n"]
    lines += staleness(context["stale"])
    lines += [_row(row) for row in context["states"]]
    if job := context["job"]:
        lines.append(f"Events are being folded (job {job.id}): ask again.")
    if context["unknown"]:
        lines.append(context["unknown"])
    if context["next"] is not None:
        lines.append(f"\nEvery key up to {code(context['next'])} was looked at: go on with `after=`.")
    return markdown_response(lines)


def staleness(stale: Stale | None) -> Iterator[str]:
    """Yield the reason why a state, or a list of states, is not up to date."""
    if stale is not None:
        error = f": {code(stale.error)} at #{stale.error_position}" if stale.error else ""
        behind = f"{stale.head - stale.position} events behind the log, which ends at #{stale.head}"
        yield f"\n**{stale.reason}**, {behind}{error}\n"


def _standing(standing: Any) -> str:
    live = standing.live
    at = f", at #{live.position}, {live.lag} events behind, {live.parked} keys parked" if live else ""
    return f"- {code(standing.projection.name)} v{standing.projection.version}: {standing.word}{at}"


def _row(row: Any) -> str:
    text = code(row.error) if row.error else ", ".join(f"{key} {code(value)}" for key, value in row.summary)
    return f"- {code(row.key or 'the whole log')}: {row.state.events} events to #{row.state.position}: {text}"
