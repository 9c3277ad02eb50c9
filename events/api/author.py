"""The author of an event that the server appends for a token."""

from __future__ import annotations

from events import engine, sql
from events.access.grants import Grant
from events.access.standing import TokenAccess
from events.reading.statement import Statement


async def author_of(grant: Grant) -> str:
    """Return the name of whoever acts with a token: the token's agent, or the token's own name."""
    if grant.agent is not None:
        return grant.agent
    assert isinstance(grant.access, TokenAccess), "a session only reads"
    name = Statement(sql.TOKEN_NAME, {"token": grant.access.token_id}, str)
    return await name.afirst(engine.current().pool) or grant.asker
