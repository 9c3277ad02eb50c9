"""The API of the fake: its answers to requests, as a server gives them."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import httpx2
import msgspec

from eventsite_client.testing.leases import Leases
from eventsite_client.testing.memory_log import MemoryLog, Problem, check_stream
from eventsite_client.testing.pauses import Pauses
from eventsite_client.testing.query import BadQuery, NotInFake, matcher
from eventsite_client.testing.states import States
from eventsite_client.testing.subscriptions import DeadLetter, Subscription, id_of_event

Body = dict[str, Any]
Answer = tuple[int, Any]


class Api:
    """The log with its leases and subscriptions. One request comes at a time."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.log = MemoryLog()
        self._now = now
        self._leases = Leases(now)
        self._states = States(self.log)
        self._subscriptions: dict[str, Subscription] = {}
        self._pauses = Pauses()

    def dead_letters(self) -> list[DeadLetter]:
        """Return the events that subscriptions could not have done."""
        for each in self._subscriptions.values():
            each.status(self._now())  # deadlines may have passed
        return [letter for each in self._subscriptions.values() for letter in each.letters]

    def answer(self, request: httpx2.Request) -> Answer:
        """Return the status and the body of the answer.

        Raises:
            Problem: a server would refuse the request.
            NotInFake: it is not known what a server would do.
        """
        if "event-stream" in request.headers.get("accept", ""):
            return 200, None  # it has no streams of server-sent events: followers poll then
        address = urlsplit(request.url.raw_path.decode("ascii"))
        query = dict(parse_qsl(address.query, keep_blank_values=True))
        is_lines = request.headers.get("content-type") == "application/x-ndjson"
        body: Any = request.content if is_lines else msgspec.json.decode(request.content or b"null")
        for method, path, route in self._routes(query, body):
            match = re.fullmatch(f"/api/{path}", address.path)
            if match and request.method == method:
                try:
                    return route(*map(unquote, match.groups()))
                except BadQuery as error:
                    raise Problem(422, "invalid-query", str(error), column=error.column) from None
        raise NotInFake(f"The fake has no {request.method} {address.path}.")

    def _routes(self, query: dict[str, str], body: Any) -> list[tuple[str, str, Callable[..., Answer]]]:
        return [
            ("POST", "streams/([^/]+)/events", lambda stream: self._append(stream, body)),
            ("GET", "streams/([^/]+)/events", lambda stream: self._read_stream(stream, query)),
            ("POST", "events", lambda: self._append_lines(body) if isinstance(body, bytes) else self._append_all(body)),
            ("GET", "events", lambda: (200, self._read(query))),
            ("GET", r"events/(\d+)", lambda position: (200, self._event(int(position)))),
            ("GET", "projections/latest/state", lambda: (200, self._states.state(query))),
            ("GET", "projections/latest/states", lambda: (200, self._states.states(query))),
            ("GET", "projections/latest/diff", lambda: (200, self._states.diff(query))),
            ("GET", "replays/([^/]+)/why", lambda kind: (200, self._states.why(kind, query))),
            ("GET", "replays/([^/]+)/seek", lambda kind: (200, self._states.seek(kind, query))),
            ("POST", "agents/([^/]+)/pause", lambda agent: self._pauses.pause(agent, body, self._head)),
            ("POST", "agents/([^/]+)/resume", lambda agent: self._pauses.resume(agent, body, self._head)),
            ("POST", "workflows/pause", lambda: self._pauses.pause(None, body, self._head)),
            ("POST", "workflows/unpause", lambda: self._pauses.resume(None, body, self._head)),
            ("POST", "leases", lambda: (200, self._leases.acquire(body))),
            ("POST", "leases/renew", lambda: (200, self._leases.renew(body))),
            ("POST", "leases/release", lambda: (200, self._leases.release(body))),
            ("PUT", "subscriptions/([^/]+)", lambda name: self._subscribe(name, body)),
            ("GET", "subscriptions/([^/]+)", lambda name: (200, self._subscription(name).status(self._now()))),
            ("POST", "subscriptions/([^/]+)/take", lambda name: self._take(name, body)),
            ("POST", "subscriptions/([^/]+)/settle", lambda name: self._settle(name, body)),
        ]

    def _append(self, stream: str, body: Body) -> Answer:
        [answer] = self._append_together([{**body, "stream": stream}], body)
        return 200 if answer["replayed"] else 201, answer

    def _append_all(self, body: Body) -> Answer:
        before = copy.deepcopy(self.log.__dict__)
        try:
            answers = self._append_together(body["appends"], body)
        except (Problem, NotInFake):
            self.log.__dict__.update(before)  # all or none
            raise
        return 201, {"results": [{"status": 201, "body": answer} for answer in answers]}

    def _append_together(self, appends: Sequence[Body], guards: Body) -> list[Any]:
        settles, end = guards.get("settles", []), len(self.log.events)
        if settles:
            events = [event for append in appends for event in append["events"]]
            for place, event in enumerate(events):
                event.setdefault("id", id_of_event(settles[0]["delivery"], place))

        def check(append: Body) -> None:
            for event in append["events"]:
                self._pauses.check(event)
            for condition in guards.get("if", []):
                self.log.check(condition, end)
            self._leases.check(guards.get("leases", []))
            for each in settles:
                self._check_delivery(each)

        answers = [self.log.append(append["stream"], append, partial(check, append)) for append in appends]
        for each in settles:
            subscription = self._subscription(each["subscription"])
            if subscription.result_of(each["delivery"], self._now()) == "settled":
                subscription.end(each["delivery"])
        return answers

    def _check_delivery(self, settles: Body) -> None:
        result = self._subscription(settles["subscription"]).result_of(settles["delivery"], self._now())
        if result != "settled":
            detail = f"The delivery {settles['delivery']} can't be settled: it is {result}."
            raise Problem(409, "delivery-lost", detail, **settles, result=result)

    def _append_lines(self, body: bytes) -> Answer:
        new = old = 0
        errors = []
        for number, line in enumerate(body.splitlines(), 1):
            event = msgspec.json.decode(line)
            try:
                _, answer = self._append(event.pop("stream"), {"events": [event]})
            except Problem as problem:
                errors.append({"line": number, "code": problem.body["code"], "detail": str(problem)})
            else:
                new, old = new + (not answer["replayed"]), old + answer["replayed"]
        counts = {"appended": new, "replayed": old, "failed": len(errors)}
        return 200, {**counts, "last_position": None, "errors": errors[:100]}

    def _subscribe(self, name: str, body: Body) -> Answer:
        subscription = self._subscriptions.get(name)
        if subscription is not None:
            subscription.change(body)
            return 200, subscription.status(self._now())
        subscription = Subscription(name, len(self._subscriptions) + 1, body, self.log)
        self._subscriptions[name] = subscription
        return 201, subscription.status(self._now())

    def _subscription(self, name: str) -> Subscription:
        if name not in self._subscriptions:
            raise Problem(404, "no-such-subscription", f"There is no subscription {name!r}.")
        return self._subscriptions[name]

    def _take(self, name: str, body: Body) -> Answer:
        return 200, {"deliveries": self._subscription(name).take(body, self._now())}

    def _settle(self, name: str, body: Body) -> Answer:
        subscription, now = self._subscription(name), self._now()
        results = [subscription.settle(body["consumer"], each, now) for each in body["settlements"]]
        return 200, {"results": [{"result": result} for result in results]}

    def _read(self, query: dict[str, str]) -> dict[str, Any]:
        return _page(self.log.events, query, "position", query.get("after"), query.get("before"), self._head)

    def _read_stream(self, stream: str, query: dict[str, str]) -> Answer:
        check_stream(stream)
        events = [event for event in self.log.events if event["stream"] == stream]
        first = query.get("from_version")
        backward = query.get("direction") == "backward"
        after = None if first is None or backward else str(int(first) - 1)
        before = str(int(first) + 1) if first is not None and backward else None
        page = _page(events, query, "version", after, before, len(events))
        if page["next"] is not None:
            page["next"] += -1 if backward else 1
        return 200, {**page, "head": self._head, "version": len(events)}

    @property
    def _head(self) -> int:
        return len(self.log.events)

    def _event(self, position: int) -> Any:
        if not 1 <= position <= self._head:
            raise Problem(404, "no-such-event", f"There is no event at {position}.")
        return self.log.events[position - 1]


def _page(
    events: list[dict[str, Any]],
    query: dict[str, str],
    place: str,
    after: str | None,
    before: str | None,
    end: int,
) -> dict[str, Any]:
    fits, limit = matcher(query.get("q", "")), int(query.get("limit", "100"))
    first, last = int(after or 0), end if before is None else int(before) - 1
    backward = query.get("direction") == "backward"
    matches = [event for event in events if first < event[place] <= last and fits(event)]
    page = matches[::-1][:limit] if backward else matches[:limit]
    next_place = page[-1][place] if len(page) == limit and page else None if backward else max(first, last)
    return {"events": page, "next": next_place, "head": end, "complete": True}
