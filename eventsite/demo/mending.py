"""The supervisor's care for dead letters: one is retried as a canary, and the others when that one is done.

People may decide about the letters, too, at any moment. The supervisor leaves alone what is decided, and tells the
others of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from events.api.schemas import EventOut
from eventsite.demo.actor import POLL_SECONDS, Actor, AppendedEvent, Cause
from eventsite.demo.notifier import MESSAGE_OF
from projections.dead_letters.api.schemas import DeadLetterDetailOut, DeadLetterOut, DeadLettersOut, DecisionsOut

WATCH_SECONDS = 1.0
"""The simulated time between two looks at the dead letters."""
PATIENCE_SECONDS = 3.5
"""The simulated time before a canary: a service that is away may come back."""
_DECIDABLE = ("open", "escalated")


async def mend_letters(actor: Actor) -> None:
    """Retry the dead letters of the shift until it ends. They are named by their orders: positions tell no story."""
    await actor.find_shift()
    failed: AppendedEvent | None = None
    reported: set[str] = set()
    while not await actor.look(type=["shift.ended"]):
        await _report_skipped(actor, reported)
        letters = await _letters(actor)
        if any(letter.state == "retrying" for letter in letters):
            actor.stage.news += 1
        if any(letter.state in _DECIDABLE for letter in letters):
            await actor.stage.pause(PATIENCE_SECONDS)
            failed = await _try_canary(actor, failed)
        await actor.stage.pause(WATCH_SECONDS)


async def _try_canary(actor: Actor, failed: AppendedEvent | None) -> AppendedEvent | None:
    """Retry the first letter, and the others if it is done; else return the event of its failure.

    `failed` is that of the canary before, to which this one is the answer.
    """
    letters = await _open_letters(actor)
    if not letters:
        return failed
    first, *_ = letters
    event = await _event(actor, first)
    cause: Cause = failed or event
    data = {"order": first.event.stream, "error": first.error.type, "letters": len(letters)}
    started = await actor.say(actor.diary, "canary.started", data, cause=cause)
    await _retry(actor, letters[:1])
    while (state := await _state(actor, first)) == "retrying":
        await actor.stage.pause(POLL_SECONDS)
    if state != "done":
        failure = {"order": first.event.stream, "state": state}
        return await actor.say(actor.diary, "canary.failed", failure, cause=started)
    succeeded = await actor.say(actor.diary, "canary.succeeded", {"order": first.event.stream}, cause=started)
    await _retry_others(actor, await _open_letters(actor), succeeded)
    return None


async def _retry_others(actor: Actor, letters: Sequence[DeadLetterOut], cause: AppendedEvent) -> None:
    if letters:
        await _retry(actor, letters)
        orders = [letter.event.stream for letter in letters]
        await actor.say(actor.diary, "letters.followed", {"orders": orders}, cause=cause)


async def _report_skipped(actor: Actor, reported: set[str]) -> None:
    """Say once of each letter that somebody has skipped that its message will never come."""
    for letter in await _letters(actor, state="skipped"):
        if letter.id not in reported:
            reported.add(letter.id)
            data = {"message": MESSAGE_OF.get(letter.event.type), "reason": "somebody skipped the dead letter"}
            cause = await _event(actor, letter)
            await actor.say(letter.event.stream, "notification.skipped", data, cause=cause)


async def _open_letters(actor: Actor) -> list[DeadLetterOut]:
    """Return the letters of this shift that wait for a decision."""
    return [letter for letter in await _letters(actor) if letter.state in _DECIDABLE]


async def _letters(actor: Actor, *, state: str | None = None) -> list[DeadLetterOut]:
    """Return the letters of this shift that are not done, or those in a state; the first event first."""
    selection = f"state={state}&" if state else ""
    page = await actor.api.call("GET", f"/dead-letters?{selection}limit=1000", gives=DeadLettersOut)
    letters = [letter for letter in page.dead_letters if letter.event.stream in actor.world.orders]
    return sorted(letters, key=lambda letter: letter.position)


async def _event(actor: Actor, letter: DeadLetterOut) -> EventOut:
    return await actor.api.call("GET", f"/events/{letter.position}", gives=EventOut)


async def _retry(actor: Actor, letters: Sequence[DeadLetterOut]) -> None:
    body = {"ids": [letter.id for letter in letters], "decision": "retry", "note": "the gateway may be back"}
    await actor.api.call("POST", "/dead-letters/decide", body, gives=DecisionsOut)


async def _state(actor: Actor, letter: DeadLetterOut) -> str:
    detail = await actor.api.call("GET", f"/dead-letters/{quote(letter.id, safe='')}", gives=DeadLetterDetailOut)
    return detail.dead_letter.state
