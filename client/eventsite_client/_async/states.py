"""States and replays: what the server's projections make of the events."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from eventsite_client._async.caller import AsyncCaller
from eventsite_client._async.io import sleep
from eventsite_client._async.reading import AsyncStates
from eventsite_client._core.deadline import Deadline
from eventsite_client._core.paging import StatesReading
from eventsite_client._core.replays import found_of, moment, replay_params, running_job, seek_request
from eventsite_client._core.requests import get, name_in_path
from eventsite_client.errors import NotReady
from eventsite_client.types import Diff, Found, ReplayKind, State, Why

_JOB_SECONDS = 0.5
"""The time between two looks at the job of a long seek."""


class AsyncStateReader(AsyncCaller):
    """The methods of the client that read states."""

    async def state(
        self,
        key: str,
        *,
        projection: str = "latest",
        at_version: int | None = None,
        at_position: int | None = None,
        at_time: datetime | str | None = None,
        wait_for_position: int | None = None,
    ) -> State:
        """Return the state of a key: now, or at one moment. Look at its `stale` before you act on it.

        A state of many events is folded by a job first; the client waits for it.

        Args:
            key: a stream, for a projection whose keys are streams.
            projection: its name.
            at_version: the moment after this version of the stream.
            at_position: the moment after this position of the log.
            at_time: the moment by which the events were recorded, with a zone.
            wait_for_position: wait until the state includes the events up to this position, such as
                `appended.last_position`.

        Raises:
            NotFound: there is no such projection.
            ProjectionFailed: the projection does not reach `wait_for_position` by itself.
            NotReady: the job was not done in time.
        """
        return await self._call(
            get(
                f"/projections/{name_in_path(projection)}/state",
                State,
                key=key,
                at_version=at_version,
                at_position=at_position,
                at_time=moment(at_time),
                wait_for_position=wait_for_position,
            )
        )

    def states(
        self,
        *,
        projection: str = "latest",
        q: str = "",
        prefix: str = "",
        after: str | None = None,
        limit: int | None = None,
    ) -> AsyncStates:
        """Return an iterator over the states of a projection, in the order of their keys.

        Args:
            projection: its name.
            q: a query that the states fit, such as `state.amount>100`.
            prefix: the beginning of their keys.
            after: keys after this one only.
            limit: at most so many states.
        """
        reading = StatesReading(projection, prefix=prefix, q=q, after=after, limit=limit)
        return AsyncStates(self._call, reading)

    async def diff(
        self,
        key: str,
        *,
        projection: str = "latest",
        from_version: int | None = None,
        from_position: int | None = None,
        from_time: datetime | str | None = None,
        to_version: int | None = None,
        to_position: int | None = None,
        to_time: datetime | str | None = None,
    ) -> Diff:
        """Return the changes of a state between two moments.

        Without a `from_…` it begins before the first event, and without a `to_…` it ends now.
        """
        return await self._call(
            get(
                f"/projections/{name_in_path(projection)}/diff",
                Diff,
                key=key,
                from_version=from_version,
                from_position=from_position,
                from_time=moment(from_time),
                to_version=to_version,
                to_position=to_position,
                to_time=moment(to_time),
            )
        )

    async def why(
        self,
        pointer: str,
        name: str,
        *,
        kind: ReplayKind = "stream",
        projection: str = "latest",
        place: int | None = None,
    ) -> Why:
        """Return the history of a value: which events set it, and what it was before, newest first.

        Args:
            pointer: a JSON Pointer into the state, such as `/stops/0`.
            name: the stream, the workflow, …, or the query, by `kind`.
            kind: the events that are folded.
            projection: what folds them.
            place: the moment: a version of the stream, else a position of the log. By default now.
        """
        params = {"by": projection, "place": place, **replay_params(kind, name)}
        return await self._call(get(f"/replays/{kind}/why", Why, pointer=pointer, **params))

    async def seek(
        self,
        to: str,
        name: str = "",
        *,
        kind: ReplayKind = "stream",
        projection: str = "latest",
        place: int | None = None,
        backward: bool = False,
    ) -> Found:
        """Return the next step that fits a query over event, state and changes, or the previous one.

        Args:
            to: such as `state.balance<0`, `changed:/status` or `type:Paid`.
            name: the stream, the workflow, …, or the query, by `kind`; nothing for the log.
            kind: the events that are folded.
            projection: what folds them.
            place: where the seek starts: a version of the stream, else a position of the log.
            backward: seek backward, by default from the end.

        Raises:
            ProjectionFailed: the job of a long seek failed.
            NotReady: it was not done in time.
        """
        direction = "backward" if backward else "forward"
        deadline = Deadline(self._timeout)
        request = seek_request(kind, name, to=to, by=projection, place=place, direction=direction)
        answer = await self._call(request, deadline)
        while (job := running_job(answer)) is not None:
            if deadline.left() <= _JOB_SECONDS:
                raise NotReady(f"The job {job} seeks on.", status=202, members={"id": job})
            await sleep(_JOB_SECONDS)
            answer = await self._call(get(f"/jobs/{job}", dict[str, Any]), deadline)
        return found_of(answer)
