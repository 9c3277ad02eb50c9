"""The socket of live lists: rows as they happen, from a position on, never one lost and never one twice."""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.http import QueryDict

from events.access.membership import membership, person
from events.access.places import open_sockets
from events.access.standing import MemberAccess
from events.access.watch import while_allowed
from events.errors import NotFound, TooManySockets, Unauthorized
from events.live import feed
from events.live.frame import View, frame
from events.models import Member
from events.views.forms import LiveForm

logger = logging.getLogger(__name__)

HEARTBEAT = 15.0
"""Seconds without an event after which the position is sent all the same."""
SIGN_IN_AGAIN = 4401
NOT_A_MEMBER = 4404
TOO_MANY = 4429
BAD_QUERY = 4400
_MOST_REASON = 123
INTERNAL_ERROR = 1011
COME_AGAIN = 1012


class LiveConsumer(AsyncWebsocketConsumer):
    """`/ws/logs/<log>/?after=…&q=…`: frames as `events.frame` writes them. Nothing is expected from the client."""

    _following: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        # A script can't tell one refused handshake from another: who may not watch is let in and told why.
        await self.accept()
        form = LiveForm(QueryDict(self.scope["query_string"]))
        if form.is_valid():
            self._following = asyncio.create_task(self._follow(form))
        else:
            await self.close(code=BAD_QUERY, reason=_reason(form))

    async def disconnect(self, code: int) -> None:
        if self._following:
            self._following.cancel()

    async def _follow(self, form: LiveForm) -> None:
        try:
            await self._send_frames(form)
            await self.close(code=COME_AGAIN)
        except Unauthorized:
            await self.close(code=SIGN_IN_AGAIN)
        except NotFound:
            await self.close(code=NOT_A_MEMBER)
        except TooManySockets as error:
            await self.close(code=TOO_MANY, reason=error.detail)
        except OSError:
            pass  # the client is gone
        except Exception:
            logger.exception("a viewer of log %s was cut off", self.scope["url_route"]["kwargs"]["log"])
            await self.close(code=INTERNAL_ERROR)

    async def _send_frames(self, form: LiveForm) -> None:
        session_key = self.scope["cookies"].get(settings.SESSION_COOKIE_NAME, "")
        member = await self._membership(session_key)
        log = member.log
        asked = form.cleaned_data
        view = View(log.pk, log.name, asked["query"], counts=asked["counts"])
        after = log.head if asked["after"] is None else asked["after"]
        with open_sockets.take(member.asker, most=settings.EVENTSITE.person_max_sockets):
            await self.send(text_data=frame(view, after=after, position=after, fits=0).text)  # it is let in
            async with (
                while_allowed(MemberAccess(member.user_id, log.pk, session_key=session_key)),
                aclosing(feed.watch(view, after=after, heartbeat=HEARTBEAT)) as frames,
            ):
                async for drawn in frames:
                    # Waits while the client's buffer is full: who does not read holds this one frame, and nobody up.
                    await self.send(text_data=drawn.text)

    @database_sync_to_async
    def _membership(self, session_key: str) -> Member:
        user = person(session_key)
        if not user.is_authenticated:
            raise Unauthorized
        return membership(user, self.scope["url_route"]["kwargs"]["log"])


def _reason(form: LiveForm) -> str:
    """Return the text of an error, as far as it fits a close frame."""
    name, (message, *_) = next(iter(form.errors.items()))
    return f"{name}: {message}".encode()[:_MOST_REASON].decode(errors="ignore")
