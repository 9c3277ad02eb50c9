"""Any sequence of requests, one by one or at once, agrees with a log in memory that does one append after the other."""

from __future__ import annotations

import asyncio
from copy import deepcopy

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from events import redaction
from events.appending.plan import Outcome
from events.engine import Engine
from events.reading import store
from events.types import REDACTED, STREAM_EXISTS, Append, Appended
from tests.support.conditions import maybe_guards
from tests.support.factories import make_append, make_log
from tests.support.invariants import assert_whole
from tests.support.oracle import MemoryLog, visible_parts

fields = st.fixed_dictionaries(
    {
        "data": st.sampled_from([b"0", b"0", b"0", b"1"]),
        "type": st.sampled_from(["Placed", "Placed", "Moved"]),
        "tags": st.sampled_from([(), (), ("x",), ("x", "y"), ("y", "x")]),
    }
)


@st.composite
def appends(draw: st.DrawFn) -> Append:
    """Appends that collide: three streams, nine ids, three keys, two contents, and conditions on all of these."""
    ids = draw(st.lists(st.sampled_from("123456789"), min_size=1, max_size=3, unique=True))
    return make_append(
        draw(st.sampled_from(["a-1", "b-1", "c"])),
        *({"id": each} | draw(fields) for each in ids),
        expected_version=draw(st.sampled_from([None, None, None, 0, STREAM_EXISTS, 1, 2, 3, 4, 5])),
        idempotency_key=draw(st.sampled_from([None, None, None, "k", "l", "m"])),
        guards=draw(maybe_guards),
    )


requests = st.lists(appends(), min_size=1, max_size=5)


class Appending(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.log = make_log()
        self.oracle = MemoryLog()
        self.sent: list[tuple[list[Append], bool]] = []

    @initialize()
    def start(self) -> None:
        self.engine = self.runner.run(Engine().__aenter__())

    def teardown(self) -> None:
        events = self.runner.run(store.events(self.log.pk, limit=10_000).afetch(self.engine.pool))
        self.runner.run(self.engine.__aexit__())
        self.runner.close()
        assert_whole(events)
        assert [event.id for event in events] == self.oracle.ids

    @rule(appends=requests, atomic=st.booleans())
    def append(self, appends: list[Append], atomic: bool) -> None:
        self.sent.append((appends, atomic))
        expected = self.oracle.append(appends, atomic=atomic)
        outcomes = self.runner.run(self.engine.writer.append(self.log.pk, appends, atomic=atomic))
        assert list(map(visible_parts, outcomes)) == list(map(visible_parts, expected))

    @rule(data=st.data())
    def send_again(self, data: st.DataObject) -> None:
        if self.sent:
            self.append(*data.draw(st.sampled_from(self.sent)))

    @rule(at_once=st.lists(requests, min_size=2, max_size=6))
    def append_at_once(self, at_once: list[list[Append]]) -> None:
        """Append at once. In the order in which they were written, each outcome is as the log in memory gives it."""
        outcomes = self.runner.run(self._gather(at_once))
        pairs = [pair for group in zip(at_once, outcomes, strict=True) for pair in zip(*group, strict=True)]
        appended = [(a, o) for a, o in pairs if isinstance(o, Appended) and not o.replayed]
        states = [deepcopy(self.oracle)]
        for append, place in sorted(appended, key=lambda pair: pair[1].first_position):
            [expected] = self.oracle.append([append])
            assert visible_parts(place) == visible_parts(expected)
            states.append(deepcopy(self.oracle))
        for append, outcome in pairs:
            if (append, outcome) not in appended:
                assert any(
                    visible_parts(outcome) == visible_parts(deepcopy(state).append([append])[0]) for state in states
                ), "no moment at which this was the answer"
        for append, place in appended:
            assert isinstance(self.oracle.replay(append), Appended), place

    async def _gather(self, at_once: list[list[Append]]) -> list[list[Outcome]]:
        return await asyncio.gather(*(self.engine.writer.append(self.log.pk, appends) for appends in at_once))

    @rule(data=st.data())
    def redact(self, data: st.DataObject) -> None:
        """Redact an event that is neither empty already nor says that another is."""
        redactable = [e.position for e in self.oracle.events if e.type != REDACTED and self._has_digest(e.id)]
        if redactable:
            position = data.draw(st.sampled_from(redactable))
            redacted = redaction.redact(self.log.pk, position, reason="r", by="ada")
            marker = store.event(self.log.pk, redacted.marker_position).first()
            assert marker
            self.oracle.redact(position, marker.id)

    def _has_digest(self, id: str) -> bool:
        return self.oracle.look_up.events[id].digest is not None

    @rule()
    def restart(self) -> None:
        self.runner.run(self.engine.__aexit__())
        self.engine = self.runner.run(Engine().__aenter__())

    @invariant()
    def nothing_is_left_waiting(self) -> None:
        if hasattr(self, "engine"):
            assert (self.engine.writer.events, self.engine.writer.bytes) == (0, 0)


def test_any_sequence_of_requests_agrees_with_the_oracle(database: None) -> None:
    run_state_machine_as_test(Appending, settings=settings(max_examples=30, stateful_step_count=15))
