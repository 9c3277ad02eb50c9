"""The pages of subscriptions as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from django.http import HttpResponse

from events.api.responses import iso
from events.json.markdown import code
from events.models import DeliveryState, Member
from events.views.representation import markdown_response
from events.views.subscriptions.detail import Detail
from events.views.subscriptions.standing import Row


def subscriptions_md(member: Member, rows: Sequence[Row]) -> HttpResponse:
    """Return the list, one subscription a line."""
    lines = [f"# Subscriptions of log {code(member.log.name)}, at #{member.log.head}\n"]
    return markdown_response([*lines, *map(_line, rows)] if rows else [*lines, "There are none."])


def subscription_md(member: Member, row: Row, detail: Detail) -> HttpResponse:
    """Return one subscription with the first of its deliveries in flight, and of the keys that wait."""
    status = row.overview.status
    lines = [f"# Subscription {code(status.name)}, log {code(member.log.name)}, at #{status.head}\n", _line(row)]
    lines += [f"\n## In flight: {status.in_flight}\n"] if detail.in_flight else []
    for each in detail.in_flight:
        lines.append(
            f"- #{each.position} {code(each.type)}, held by {code(each.consumer)} since {iso(each.taken_at)},"
            f" attempt {each.attempt} of {status.settings.max_attempts}, until {iso(each.deadline)}"
        )
    lines += [f"\n## Keys that wait: {row.overview.holdings.keys_waiting}\n"] if detail.keys else []
    for key in detail.keys:
        name = code(key.key) if key.key is not None else "redacted" if key.is_redacted else "no key"
        state = DeliveryState(key.state).label.lower()
        lines.append(f"- {name}: {key.waiting} events wait for #{key.position} {code(key.type)}, which is {state}")
    return markdown_response(lines)


def _line(row: Row) -> str:
    status, letters = row.overview.status, row.overview.letters
    facts = [
        f"read to #{status.read_to}, {row.overview.behind} behind ({row.trend.words})",
        f"floor #{status.floor}",
        f"{status.in_flight} of {status.settings.max_in_flight} in flight",
        f"{status.waiting} waiting in {row.overview.holdings.keys_waiting} keys, {status.retrying} retrying",
        f"{letters.total} dead letters, of which {letters.holding} hold their key",
    ]
    reads = code(status.settings.query) if status.settings.query else "all events"
    return f"- {code(status.name)}: {row.standing.value}; {reads}; {'; '.join(facts)}"
