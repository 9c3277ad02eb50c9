"""State machines by a table, which people declare in an app's `projections.py`:

    payments = machine("payments", about="Where each payment stands.", moves={
        "PaymentInitiated": Move("Pending", ("Idle",)),
        "PaymentCaptured": Move("Paid", ("Pending",)),
        "PaymentRefused": Move("Refused", ("Pending",)),
    }, final=("Paid", "Refused"))

A row of the table has a type of event, the state to which it leads, and the states in which it may come. An event that
comes in any other state is an *illegal* transition: it is reported, and the machine follows it, for it did happen.

A piece of *work* has its own state: the events of a stream with one stem (`payment` of `payment.initiated`, `Payment`
of `PaymentCaptured`). An outcome ends the start that caused it, or else the first start; work that is started twice and
ended once stays unfinished. So an agent that restarts sees the work that it began and did not end: it goes on with it,
and begins nothing twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from projections import STREAM, Decoded, Json, Key, Projection
from projections.catalog.moves import COMPLETED, FAILED, IDLE, Move, find_move

_MAX_UNFINISHED = 500
"""Most unfinished pieces of work that are kept: the newest."""
_MAX_LISTED = 100
"""Most agents, finished works, illegal transitions, and starts of one work that are kept: the newest."""


def machine(
    name: str,
    *,
    about: str,
    moves: Mapping[str, Move],
    final: tuple[str, ...] = (COMPLETED, FAILED),
    initial: str = IDLE,
    key: Key = STREAM,
    version: int = 1,
    materialised: bool = False,
) -> Projection:
    """Return a projection that follows a table of moves by type, or by a type's last words: `*captured`, `*timed_out`.

    A whole type goes before words, more words before fewer, last words before a first one (`confirm*`). A whole type is
    about its stream; words are about the rest of the type. Work is finished in a state of `final`.
    """
    projection = Projection(
        name,
        about=about,
        version=version,
        key=key,
        initial=at_first(initial),
        materialised=materialised,
        settings={
            "final": list(final),
            "moves": {type: [move.to, move.starts, *move.comes_in] for type, move in moves.items()},
        },
    )
    move_of = lru_cache(maxsize=4_096)(lambda type: find_move(moves, type))

    @projection.on("*")
    def follow(state: dict[str, Any], happened: Decoded) -> Json:
        found = move_of(happened.type)
        return state if found is None else _moved(state, *found, happened, initial=initial, final=final)

    return projection


def at_first(state: str) -> dict[str, Json]:
    """Return the state of a machine before any event."""
    return {
        "state": state,
        "agents": {},
        "unfinished": {},
        "finished": {},
        "ended": {},
        "illegal": 0,
        "illegal_transitions": [],
    }


def _moved(
    state: dict[str, Any], stem: str, move: Move, happened: Decoded, *, initial: str, final: tuple[str, ...]
) -> dict[str, Any]:
    """Return the state after a move, legal or not."""
    work = work_of(happened.stream, stem)
    before = standing(state, work, initial)
    legal = is_legal(move, before["state"])
    if legal and state["finished"].get(work) == move.to:
        return state  # it is said again
    after = (ended if move.to in final else went_on)(state, work, before, move, happened)
    after = with_idle_agents(after, move, final)
    return after if legal else reported(after, work, before["state"], move, happened)


def standing(state: dict[str, Any], work: str, initial: str) -> dict[str, Any]:
    """Return the state of a piece of work, and its starts without an outcome, by the id of their event."""
    unfinished: dict[str, Any] | None = state["unfinished"].get(work)
    return unfinished or {"state": state["finished"].get(work, initial), "started": {}}


def with_idle_agents(state: dict[str, Any], move: Move, final: tuple[str, ...]) -> dict[str, Any]:
    """Return the state after a move: when no work is unfinished, no agent is at work."""
    if state["unfinished"]:
        return state
    return {**state, "agents": {agent: was if was in final else move.to for agent, was in state["agents"].items()}}


def went_on(state: dict[str, Any], work: str, before: dict[str, Any], move: Move, happened: Decoded) -> dict[str, Any]:
    """Return the state after a move that leaves work under way. The work that moved last stands last."""
    started = before["started"]
    if move.starts or not started:
        started = newest({**started, happened.event.id: _start(happened)}, _MAX_LISTED)
    unfinished = without(state["unfinished"], work)
    unfinished[work] = {"state": move.to, "since": happened.position, "started": started}
    return {
        **state,
        "state": move.to,
        "agents": with_agent(state["agents"], happened.agent, move.to),
        "unfinished": newest(unfinished, _MAX_UNFINISHED),
        "finished": without(state["finished"], work),
    }


def ended(state: dict[str, Any], work: str, before: dict[str, Any], move: Move, happened: Decoded) -> dict[str, Any]:
    """Return the state after an outcome of the start that caused it, or else of the first start."""
    started = before["started"]
    cause = happened.event.causation_id
    start = cause if cause is not None and cause in started else next(iter(started), "")
    unfinished, finished = without(state["unfinished"], work), without(state["finished"], work)
    if left := without(started, start):
        unfinished[work] = {**before, "started": left}
    else:
        finished[work] = move.to
    agents = state["agents"]
    for agent in dict.fromkeys([happened.agent, *([started[start]["agent"]] if start else [])]):
        agents = with_agent(agents, agent, _doing(unfinished, agent) or move.to)
    doing = next(reversed(unfinished.values()))["state"] if unfinished else move.to
    return {
        **state,
        "state": doing,
        "agents": agents,
        "unfinished": unfinished,
        "finished": newest(finished, _MAX_LISTED),
        "ended": {**state["ended"], move.to: state["ended"].get(move.to, 0) + 1},
    }


def _doing(unfinished: dict[str, Any], agent: str | None) -> str | None:
    """Return the state of the last unfinished work that an agent started."""
    works = reversed(unfinished.values())
    return next((work["state"] for work in works if any(s["agent"] == agent for s in work["started"].values())), None)


def with_agent(agents: dict[str, Any], agent: str | None, state: str) -> dict[str, Any]:
    """Return the agents with a new state for one."""
    return agents if agent is None else newest({**without(agents, agent), agent: state}, _MAX_LISTED)


def _start(happened: Decoded) -> dict[str, Any]:
    event = happened.event
    return {"type": event.type, "agent": event.agent, "position": event.position, "at": event.at.isoformat()}


def is_legal(move: Move, state: str) -> bool:
    """Whether a move may come in a state."""
    return not move.comes_in or state in move.comes_in


def reported(state: dict[str, Any], work: str, was: str, move: Move, happened: Decoded) -> dict[str, Any]:
    """Return the state with one more illegal transition."""
    event = happened.event
    found = {
        "id": str(event.position),
        "work": work,
        "type": event.type,
        "agent": event.agent,
        "from": was,
        "to": move.to,
        "allowed_from": list(move.comes_in),
    }
    listed = [*state["illegal_transitions"][1 - _MAX_LISTED :], found]
    return {**state, "illegal": state["illegal"] + 1, "illegal_transitions": listed}


def work_of(stream: str, stem: str) -> str:
    """Return the name of a piece of work: its stream, and its stem unless that is the stream's category."""
    return stream if not stem or stem.casefold() == stream.partition("-")[0].casefold() else f"{stream} {stem}"


def without(items: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the items without one."""
    return {key: value for key, value in items.items() if key != name}


def newest(items: dict[str, Any], most: int) -> dict[str, Any]:
    """Return the last `most` items."""
    return dict(list(items.items())[-most:]) if len(items) > most else items
