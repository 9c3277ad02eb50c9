"""The socket of live lists: it sends rows as they happen, from a position on, each exactly once."""

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

HEARTBEAT_SECONDS = 15.0
"""The time without an event after which a frame sends the position alone."""
SIGN_IN_AGAIN = 4401
NOT_A_MEMBER = 4404
TOO_MANY = 4429
BAD_QUERY = 4400
_MAX_REASON_BYTES = 123
INTERNAL_ERROR = 1011
COME_AGAIN = 1012


class LiveConsumer(AsyncWebsocketConsumer):
    """`/ws/logs/<log>/?after=…&q=…`: it sends the frames of `live.frame`, and expects nothing from the client."""

    _following: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        # A script can't tell why a handshake was refused, so every socket is accepted, and the close code tells it.
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
        fields = form.cleaned_data
        view = View(log.pk, log.name, fields["query"], counts=fields["counts"])
        after = log.head if fields["after"] is None else fields["after"]
        with open_sockets.take(member.asker, most=settings.EVENTSITE.person_max_sockets):
            # This frame tells the page that it may watch.
            await self.send(text_data=frame(view, after=after, position=after, fits=0).text)
            async with (
                while_allowed(MemberAccess(member.user_id, log.pk, session_key=session_key)),
                aclosing(feed.watch(view, after=after, heartbeat=HEARTBEAT_SECONDS)) as frames,
            ):
                async for new_frame in frames:
                    # This waits while the client's buffer is full: a slow client holds one frame, and delays no other.
                    await self.send(text_data=new_frame.text)

    @database_sync_to_async
    def _membership(self, session_key: str) -> Member:
        user = person(session_key)
        if not user.is_authenticated:
            raise Unauthorized
        return membership(user, self.scope["url_route"]["kwargs"]["log"])


def _reason(form: LiveForm) -> str:
    """Return the text of an error, cut to the size of a close frame."""
    name, (message, *_) = next(iter(form.errors.items()))
    return f"{name}: {message}".encode()[:_MAX_REASON_BYTES].decode(errors="ignore")
