"""The projection `lifecycle`, and state machines like it: what is under way, what waits, what was never finished.

A machine is a table: which types of event lead from which states to which. An event that comes in a state from which
its row does not lead is an *illegal* transition: it is reported, and the machine follows it, for it did happen.

A piece of *work* has a state of its own: what a stream says of one stem (`payment` of `payment.initiated`, `Payment` of
`PaymentCaptured`). An outcome ends what it was caused by, or else what was started first; what is started twice and
ended once stays unfinished. So an agent that starts again sees what it has begun and not ended: it goes on with that,
and begins nothing twice.

A machine of one's own, in an app's `projections.py`:

    payments = machine("payments", about="Where each payment stands.", moves={
        "PaymentInitiated": Move("Pending", ("Idle",)),
        "PaymentCaptured": Move("Paid", ("Pending",)),
        "PaymentRefused": Move("Refused", ("Pending",)),
    }, final=("Paid", "Refused"))
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from projections import STREAM, WORKFLOW, Decoded, Json, Key, Projection

IDLE, PROCESSING, WAITING, COMPLETED, FAILED = "Idle", "Processing", "AwaitingInput", "Completed", "Failed"
_OPEN = 500
"""How many unfinished pieces of work are kept; beyond, the oldest are only counted."""
_LISTED = 100
"""How many agents, finished works, illegal transitions, and starts of one work are kept: the newest."""
_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z0-9]+|[A-Z]+|[0-9]+")


@dataclass(frozen=True, slots=True)
class Move:
    """A row of the table: the state that an event leads to, and those that it may come in (none named: any).

    `starts`: each such event starts something that wants an outcome of its own, also while another is under way.
    """

    to: str
    comes_in: tuple[str, ...] = ()
    starts: bool = False


START = Move(PROCESSING, starts=True)
GO_ON = Move(PROCESSING, (PROCESSING, WAITING, FAILED))
WAIT = Move(WAITING, (IDLE, PROCESSING, WAITING))
COMPLETE = Move(COMPLETED, (PROCESSING, WAITING))
FAIL = Move(FAILED, (IDLE, PROCESSING, WAITING))

_COMMON: tuple[tuple[Move, str], ...] = (
    (START, "started initiated begun requested called placed opened submitted"),
    (GO_ON, "resumed continued retried reopened progressed answered approved input_received"),
    (WAIT, "awaiting_input input_requested input_required approval_requested waiting paused blocked asked suspended"),
    (COMPLETE, "completed finished succeeded captured returned done closed resolved delivered shipped stopped ended"),
    (FAIL, "failed errored crashed timed_out cancelled canceled rejected aborted declined refused expired killed"),
)
MOVES: dict[str, Move] = {f"*{word}": move for move, words in _COMMON for word in words.split()} | {
    # The demo's: who was dispatched is out of its hands, and a shift that has ended is still to be closed.
    "order.dispatched": COMPLETE,
    "shift.ended": GO_ON,
    # Runs of agents, which are their streams: whoever speaks is at work; the assistant then waits for its user. They
    # end by words of their own, and are judged when they are over.
    **dict.fromkeys(("user.message", "agent.message", "orchestrator.thought", "task.delegated"), Move(PROCESSING)),
    **dict.fromkeys(("code.proposed", "action.message"), Move(PROCESSING)),
    "assistant.message": Move(WAITING),
    **dict.fromkeys(("run.terminated", "run.finished", "run.scored", "run.annotated"), Move(COMPLETED)),
    "run.failed": Move(FAILED),
}
"""The table of `lifecycle`: common last words of types, however they are written, and the types of agent runs."""


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
    """A projection that follows a table of moves by type, or by a type's last words: `*captured`, `*timed_out`.

    A whole type goes before words, more words before fewer. Whole types are about their stream; words are about what
    stands before them in the type. Work is finished in a state of `final`.
    """
    projection = Projection(
        name,
        about=about,
        version=version,
        key=key,
        initial=_at_first(initial),
        materialised=materialised,
        settings={
            "final": list(final),
            "moves": {type: [move.to, move.starts, *move.comes_in] for type, move in moves.items()},
        },
    )
    moving = lru_cache(maxsize=4_096)(lambda type: _move(moves, type))

    @projection.on("*")
    def follow(state: dict[str, Any], happened: Decoded) -> Json:
        found = moving(happened.type)
        return state if found is None else _moved(state, *found, happened, initial=initial, final=final)

    return projection


def _at_first(state: str) -> Json:
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
    """The state after a move, whether it was legal or not."""
    work = _work(happened.stream, stem)
    before = state["unfinished"].get(work) or {"state": state["finished"].get(work, initial), "started": {}}
    is_legal = _is_legal(move, before["state"])
    if is_legal and state["finished"].get(work) == move.to:
        return state  # it is said again
    after = (_ended if move.to in final else _went_on)(state, work, before, move, happened)
    if not after["unfinished"]:  # then nobody is at anything
        after["agents"] = {agent: was if was in final else move.to for agent, was in after["agents"].items()}
    return after if is_legal else _reported(after, work, before["state"], move, happened)


def _went_on(state: dict[str, Any], work: str, before: dict[str, Any], move: Move, happened: Decoded) -> dict[str, Any]:
    """The state after a move that leaves work under way. What has moved last stands last."""
    started = before["started"]
    if move.starts or not started:
        started = _newest({**started, happened.event.id: _start(happened)}, _LISTED)
    unfinished = _without(state["unfinished"], work)
    unfinished[work] = {"state": move.to, "since": happened.position, "started": started}
    return {
        **state,
        "state": move.to,
        "agents": _with_agent(state["agents"], happened.agent, move.to),
        "unfinished": _newest(unfinished, _OPEN),
        "finished": _without(state["finished"], work),
    }


def _ended(state: dict[str, Any], work: str, before: dict[str, Any], move: Move, happened: Decoded) -> dict[str, Any]:
    """The state after an outcome: of the start that caused it, or else of the first."""
    started = before["started"]
    cause = happened.event.causation_id
    start = cause if cause is not None and cause in started else next(iter(started), "")
    unfinished, finished = _without(state["unfinished"], work), _without(state["finished"], work)
    if left := _without(started, start):
        unfinished[work] = {**before, "started": left}
    else:
        finished[work] = move.to
    agents = state["agents"]
    for agent in dict.fromkeys([happened.agent, *([started[start]["agent"]] if start else [])]):
        agents = _with_agent(agents, agent, _doing(unfinished, agent) or move.to)
    doing = next(reversed(unfinished.values()))["state"] if unfinished else move.to
    return {
        **state,
        "state": doing,
        "agents": agents,
        "unfinished": unfinished,
        "finished": _newest(finished, _LISTED),
        "ended": {**state["ended"], move.to: state["ended"].get(move.to, 0) + 1},
    }


def _doing(unfinished: dict[str, Any], agent: str | None) -> str | None:
    """The state of what an agent started last and has not finished."""
    works = reversed(unfinished.values())
    return next((work["state"] for work in works if any(s["agent"] == agent for s in work["started"].values())), None)


def _with_agent(agents: dict[str, Any], agent: str | None, state: str) -> dict[str, Any]:
    return agents if agent is None else _newest({**_without(agents, agent), agent: state}, _LISTED)


def _start(happened: Decoded) -> dict[str, Any]:
    event = happened.event
    return {"type": event.type, "agent": event.agent, "position": event.position, "at": event.at.isoformat()}


def _is_legal(move: Move, state: str) -> bool:
    return not move.comes_in or state in move.comes_in


def _reported(state: dict[str, Any], work: str, was: str, move: Move, happened: Decoded) -> dict[str, Any]:
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
    listed = [*state["illegal_transitions"][1 - _LISTED :], found]
    return {**state, "illegal": state["illegal"] + 1, "illegal_transitions": listed}


def _work(stream: str, stem: str) -> str:
    """What a piece of work is called: its stream, and its stem where that says something new."""
    return stream if not stem or stem.casefold() == stream.partition("-")[0].casefold() else f"{stream} {stem}"


def _move(moves: Mapping[str, Move], type: str) -> tuple[str, Move] | None:
    """The row of a type, and the type's stem."""
    if type in moves:
        return "", moves[type]
    words = [*_WORDS.finditer(type)]
    for first in range(max(0, len(words) - 3), len(words)):
        if move := moves.get("*" + "_".join(word[0].lower() for word in words[first:])):
            return type[: words[first].start()].strip("._-:/ "), move
    return None


def _without(items: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in items.items() if key != name}


def _newest(items: dict[str, Any], most: int) -> dict[str, Any]:
    return dict(list(items.items())[-most:]) if len(items) > most else items


@lru_cache(maxsize=4_096)
def is_failure(type: str) -> bool:
    """Whether a type of event says that something failed, by its last words."""
    found = _move(MOVES, type)
    return found is not None and found[1].to == FAILED


lifecycle = machine(
    "lifecycle",
    about=(
        "What a workflow and each of its agents are doing: Idle, Processing, AwaitingInput, Completed or Failed;"
        " what was started and never finished; what happened out of order."
    ),
    moves=MOVES,
    key=WORKFLOW,
    materialised=True,
)
