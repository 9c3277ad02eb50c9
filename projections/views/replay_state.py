"""The state of a step of a replay: a tree, why a value of it is what it is, or why there is none yet."""

from __future__ import annotations

from typing import Any

from events.json_tree import Row, tree
from events.models import Member
from projections import indexing
from projections.asking import run
from projections.fold import ReducerFailed
from projections.marks import marks
from projections.models import Job
from projections.replay import Replay
from projections.replay_address import Address
from projections.states import TooFar
from projections.types import Projection
from projections.why import Why, why


def replay_state(member: Member, made: Replay, address: Address, pointer: str | None) -> dict[str, Any]:
    """The state of the step as a tree, why a value of it is what it is, or the job that makes it quick."""
    wanted = address.one("why")
    place = made.stop.place if made.stop else 0
    return {
        "projection": made.projection,
        "state": _tree(made, pointer),
        "changed": {op: sum(change.op == op for change in made.changes) for op in ("add", "replace", "remove")},
        "why": _why(member, made, wanted) if wanted is not None and made.is_known else None,
        "why_url": f"{address.step(place, why=None)}{'&' if address.with_asked(why=None) else '?'}why=",
        "unwhy_url": address.step(place, why=None),
        "why_of": wanted,
        "failed_url": _failed_url(made, address),
        "job": _job(member, made.too_far, made.projection),
    }


def _failed_url(made: Replay, address: Address) -> str | None:
    return address.step(made.source.place(made.failed.at.event)) if made.failed else None


def _tree(made: Replay, pointer: str | None) -> list[Row]:
    if made.is_known:
        return tree(made.after, marks=marks(made.changes), whole=pointer)
    return tree(made.failed.state) if made.failed else []


def _why(member: Member, made: Replay, pointer: str) -> Why | None:
    try:
        return run(why(member.log_id, made, pointer, head=member.log.head))
    except (TooFar, ReducerFailed):
        return None


def _job(member: Member, too_far: TooFar | None, projection: Projection) -> Job | None:
    return run(indexing.ensure(member.log_id, projection, too_far)) if too_far else None
