"""What caused each event of a run. Pure.

A tool's result is caused by its call, a call by the reply that asked for it, a reply by the results that it was given,
an agent's start by the tool, the hand-off or the agent before it.
"""

from __future__ import annotations

from operator import attrgetter

from events.otel.mapping.drafts import Draft
from events.otel.mapping.reading import Role
from events.otel.mapping.telling import Drafts
from events.otel.mapping.tree import Node

_ended = attrgetter("ended_ns")


def find_causes(timed: list[Node], drafts: Drafts) -> None:
    """Give each event its cause, and its further causes as links. The nodes are in the order of time."""
    causes = _Causes(drafts)
    for node in timed:
        causes.look_at(node)
    for draft in drafts.all:
        if draft.cause is None and draft is not drafts.run_start:
            draft.cause = causes.fallback(draft)
    causes.end_run()


class _Causes:
    """The causes of a run, while its nodes are looked at in the order of time."""

    def __init__(self, drafts: Drafts) -> None:
        self._drafts = drafts
        self._scopes: dict[int, _Scope] = {}
        self._handoffs: dict[str, Draft] = {}
        self._ended_agents: dict[int, Draft] = {}

    def look_at(self, node: Node) -> None:
        scope = self._scopes.setdefault(id(node.agent_node), _Scope())
        start, end = self._drafts.starts.get(id(node)), self._drafts.ends.get(id(node))
        if node.role is Role.AGENT:
            self._agent(node, start, end)
        elif node.role is Role.MODEL and end is not None:
            scope.reply(node, end)
            for handoff in self._drafts.handoffs.get(id(node), ()):
                handoff.cause = end
                self._handoffs[handoff.data["target"]] = handoff
        elif node.role is Role.TOOL and start is not None and end is not None:
            start.cause = self._asker(node) or scope.last_reply or scope.results_before(start)
            end.cause = start
            scope.returned.append(end)
        elif node.role is Role.HANDOFF and start is not None:
            start.cause = self._asker(node) or scope.last_reply or scope.results_before(start)
            self._handoffs[node.reading.target or ""] = start
            scope.last = start

    def _asker(self, node: Node) -> Draft | None:
        model = self._drafts.asked_by.get(id(node))
        return None if model is None else self._drafts.ends.get(id(model))

    def _agent(self, node: Node, start: Draft | None, end: Draft | None) -> None:
        if start is None or end is None:
            return
        scope = self._scopes.setdefault(id(node.agent_node), _Scope())
        handoff = self._handoffs.pop(node.agent or "", None)
        called = self._called_by(node)
        start.cause = called or self._asker(node) or handoff or self._agent_before(node) or scope.last_reply
        if handoff is not None and "instruction" in handoff.data:
            start.data["task"] = handoff.data["instruction"]
        if called is None and handoff is None:
            scope.returned.append(end)
        self._ended_agents[id(node.above)] = end

    def _called_by(self, node: Node) -> Draft | None:
        above = node.above
        return self._drafts.starts.get(id(above)) if above is not None and above.role is Role.TOOL else None

    def _agent_before(self, node: Node) -> Draft | None:
        """Return the end of the agent before this one, if it had ended: else they work side by side."""
        before = self._ended_agents.get(id(node.above))
        return before if before is not None and before.time_ns <= node.started_ns else None

    def fallback(self, draft: Draft) -> Draft | None:
        """Return the nearest start above an event; for the end of an agent, what happened last within it."""
        node = draft.node
        if node.role is Role.AGENT and draft is self._drafts.ends.get(id(node)):
            return self._last_within(node) or self._drafts.starts.get(id(node))
        agent_start = self._drafts.starts.get(id(node.agent_node))
        above = node.above
        start = None if above is None else self._drafts.starts.get(id(above))
        return start or agent_start or self._drafts.run_start

    def _last_within(self, node: Node) -> Draft | None:
        scope = self._scopes.get(id(node))
        return None if scope is None else scope.final()

    def end_run(self) -> None:
        """Let the last event before the run's end be its cause."""
        end = self._drafts.run_end
        if end is None:
            return
        others = [draft for draft in self._drafts.all if draft is not end and draft is not self._drafts.run_start]
        agents = [draft for draft in others if draft.node.role is Role.AGENT and draft.type != "agent.started"]
        last = max(agents or others, key=lambda draft: (draft.time_ns, draft.id), default=None)
        end.cause = last or self._drafts.run_start


class _Scope:
    """What happened within one call of an agent so far."""

    def __init__(self) -> None:
        self.last_reply: Draft | None = None
        self.last: Draft | None = None
        self.returned: list[Draft] = []
        """The results that nothing has followed yet."""
        self._results: Draft | None = None

    def reply(self, node: Node, end: Draft) -> None:
        """Let the results since the last reply be the causes of this one."""
        end.cause = self._take_results(end, node.started_ns) or self.last_reply
        self.last_reply = self.last = end

    def results_before(self, start: Draft) -> Draft | None:
        """Return the last result before the call of a tool, where no replies are told. Calls side by side share it."""
        self._results = self._take_results(start, start.time_ns) or self._results
        return self._results

    def _take_results(self, draft: Draft, until_ns: int) -> Draft | None:
        """Return the last result until a time; the others become links of the event that follows them."""
        ready = sorted((one for one in self.returned if one.time_ns <= until_ns), key=lambda one: (one.time_ns, one.id))
        if not ready:
            return None
        self.returned = [one for one in self.returned if one.time_ns > until_ns]
        *draft.links, last = ready
        return last

    def final(self) -> Draft | None:
        """Return what happened last."""
        last = [draft for draft in (self.last, *self.returned) if draft is not None]
        return max(last, key=lambda draft: (draft.time_ns, draft.id), default=None)
