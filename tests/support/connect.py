"""The page Connect as a person sees it, and a token whose spans it shows."""

from __future__ import annotations

import re
from typing import Any

import httpx2
from asgiref.sync import sync_to_async
from django.test import AsyncClient

from events.access.tokens import hash_of
from events.api.otlp import exporters
from events.models import Log, Role, Token
from tests.support.factories import make_member, make_user

AGENT: dict[str, Any] = {"gen_ai__operation__name": "invoke_agent"}
"""The attributes of a span of an agent."""


async def sign_in(log: Log, role: Role) -> AsyncClient:
    """A person with a role in the log."""
    user = await sync_to_async(make_user)(username=f"{role}-of-{log.name}")
    await sync_to_async(make_member)(log, user=user, role=role)
    client = AsyncClient()
    await client.aforce_login(user)
    return client


def words(html: str) -> str:
    """The text of a page, without its tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


async def came_of(log: Log, client: httpx2.AsyncClient) -> Token:
    """The token of an exporter, when what it sent is counted."""
    await exporters.write()
    token = client.headers["Authorization"].removeprefix("Bearer ")
    return await Token.objects.aget(hash=hash_of(token))
