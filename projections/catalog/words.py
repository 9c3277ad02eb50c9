"""Common words of event types, and the move that each means for a piece of work: the table of `lifecycle`."""

from __future__ import annotations

from functools import lru_cache

from projections.catalog.moves import COMPLETED, FAILED, IDLE, PROCESSING, WAITING, Move, find_move

START = Move(PROCESSING, starts=True)
BEGIN = Move(PROCESSING)
GO_ON = Move(PROCESSING, (PROCESSING, WAITING, FAILED))
GO_ON_AGAIN = Move(PROCESSING, (PROCESSING, WAITING, COMPLETED, FAILED))
WAIT = Move(WAITING, (IDLE, PROCESSING, WAITING))
COMPLETE = Move(COMPLETED, (PROCESSING, WAITING))
FAIL = Move(FAILED, (IDLE, PROCESSING, WAITING))
ANSWER = Move(WAITING)
"""The move of an assistant's answer: its user may say more, or not."""

_LAST_WORDS: tuple[tuple[Move, str], ...] = (
    (START, "started initiated begun requested called placed opened submitted invoked launched triggered"),
    (BEGIN, "assigned claimed queued enqueued"),
    (GO_ON, "progressed answered approved input_received"),
    (GO_ON_AGAIN, "resumed continued retried reopened restarted"),
    (WAIT, "awaiting_input input_requested input_required approval_requested waiting paused blocked asked suspended"),
    (COMPLETE, "completed finished succeeded captured returned done closed resolved delivered shipped stopped ended"),
    (COMPLETE, "confirmed processed fulfilled settled executed handled responded replied result result_received"),
    (COMPLETE, "response_received terminated exited"),
    (FAIL, "failed errored crashed timed_out cancelled canceled rejected aborted declined refused expired killed"),
    (FAIL, "error timeout denied abandoned"),
)
_FIRST_WORDS: tuple[tuple[Move, str], ...] = (
    (BEGIN, "start begin initiate assign submit"),
    (GO_ON_AGAIN, "resume continue retry reopen restart"),
    (COMPLETE, "complete confirm finish close resolve settle"),
    (FAIL, "cancel abort reject"),
)
"""Moves of types that are named as commands: `ConfirmPayment`."""
MOVES: dict[str, Move] = {
    **{f"*{word}": move for move, words in _LAST_WORDS for word in words.split()},
    **{f"{word}*": move for move, words in _FIRST_WORDS for word in words.split()},
    # Words of the demo: a dispatched order has left the router, a loaded one too, and a shift that has ended is still
    # to be closed.
    "order.dispatched": COMPLETE,
    "van.departed": COMPLETE,
    "shift.ended": GO_ON,
    # Runs of agents, each a stream: an agent that speaks is at work. Runs end by their own words, and are judged after
    # that.
    **dict.fromkeys(("user.message", "agent.message", "orchestrator.thought", "task.delegated"), BEGIN),
    **dict.fromkeys(("code.proposed", "action.message"), BEGIN),
    "assistant.message": ANSWER,
    **dict.fromkeys(("run.terminated", "run.finished", "run.scored", "run.annotated"), Move(COMPLETED)),
    "run.failed": Move(FAILED),
}


@lru_cache(maxsize=4_096)
def move_of(type: str) -> tuple[str, Move] | None:
    """Return the stem of a type and its move; None if the type says nothing about a piece of work."""
    return find_move(MOVES, type)


def is_failure(type: str) -> bool:
    """Whether a type of event reports a failure."""
    found = move_of(type)
    return found is not None and found[1].to == FAILED
