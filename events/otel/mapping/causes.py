"""The cause of each event of a run. Pure.

A tool's result is caused by its call, a call by the reply that asked for it, a reply by the results that it was given,
an agent's start by the tool, the reply, the hand-off or the agents before it.
"""

from __future__ import annotations

from heapq import heappop, heappush

from events.otel.mapping.branches import Branches
from events.otel.mapping.drafts import Draft
from events.otel.mapping.reading import Role
from events.otel.mapping.telling import Drafts
from events.otel.mapping.tree import Node


def find_causes(ordered: list[Node], timed: list[Node], drafts: Drafts) -> None:
    """Give each event its cause, and its further causes as links.

    Args:
        ordered: the nodes, each after its parent.
        timed: the nodes in the order of time.
        drafts: the events.
    """
    causes = _Causes(drafts, Branches(ordered, drafts.all))
    for node in timed:
        causes.look_at(node)
    for draft in drafts.all:
        if draft.cause is None and draft is not drafts.run_start:
            draft.cause = causes.fallback(draft)
    causes.end_run()


class _Causes:
    """The causes of a run, while its nodes are looked at in the order of time."""

    def __init__(self, drafts: Drafts, branches: Branches) -> None:
        self._drafts = drafts
        self._branches = branches
        self._scopes: dict[int, _Scope] = {}
        self._handoffs: dict[str, Draft] = {}
        self._tools: dict[str, Node] = {}
        """The last call of each tool."""

    def look_at(self, node: Node) -> None:
        start, end = self._drafts.starts.get(id(node)), self._drafts.ends.get(id(node))
        if node.role == Role.AGENT and start is not None and end is not None:
            self._agent(node, start, end)
        elif node.role == Role.MODEL and end is not None:
            self._reply(node, end)
        elif node.role == Role.TOOL and start is not None and end is not None:
            self._call(node, start)
            end.cause = start
            self._tools[node.reading.name or ""] = node
            if node.agent_node is not None:
                self._scope(node.agent_node).add_result(end)
        elif node.role == Role.HANDOFF and start is not None:
            self._call(node, start)
            self._handoffs[node.reading.target or ""] = start
            if node.agent_node is not None:
                self._scope(node.agent_node).last = start

    def _reply(self, node: Node, end: Draft) -> None:
        if node.agent_node is None:
            self._follow(node, end)
        else:
            self._scope(node.agent_node).reply(node, end)
        for handoff in self._drafts.handoffs.get(id(node), ()):
            handoff.cause = end
            self._handoffs[handoff.data["target"]] = handoff

    def _call(self, node: Node, start: Draft) -> None:
        start.cause = self._asker(node)
        if start.cause is None and node.agent_node is None:
            self._follow(node, start)
        elif start.cause is None and node.agent_node is not None:
            scope = self._scope(node.agent_node)
            start.cause = scope.last_reply or scope.results_before(start)

    def _scope(self, agent: Node) -> _Scope:
        return self._scopes.setdefault(id(agent), _Scope())

    def _follow(self, node: Node, draft: Draft) -> None:
        """Let the branches before that of a node be the causes of an event, where no agent's call tells more."""
        if before := self._branches.before(node):
            *draft.links, draft.cause = before

    def _asker(self, node: Node) -> Draft | None:
        model = self._drafts.asked_by.get(id(node))
        return None if model is None else self._drafts.ends.get(id(model))

    def _agent(self, node: Node, start: Draft, end: Draft) -> None:
        handoff = self._handoffs.pop(node.agent or "", None)
        caller = self._called_by(node)
        start.cause = caller or self._asker(node) or self._running(node) or handoff
        if start.cause is None:
            self._follow(node, start)
        if handoff is not None and "instruction" in handoff.data:
            start.data["task"] = handoff.data["instruction"]
        if node.agent_node is not None:
            scope = self._scope(node.agent_node)
            start.cause = start.cause or scope.last_reply
            if caller is None and handoff is None:
                scope.add_result(end)

    def _running(self, node: Node) -> Draft | None:
        """Return the call of a tool that has an agent's name and lasts as long, though it is not above the agent."""
        tool = self._tools.get(node.agent or "")
        return self._drafts.starts.get(id(tool)) if tool is not None and tool.ended_ns >= node.ended_ns else None

    def _called_by(self, node: Node) -> Draft | None:
        above = node.above
        return self._drafts.starts.get(id(above)) if above is not None and above.role == Role.TOOL else None

    def fallback(self, draft: Draft) -> Draft | None:
        """Return the last start around an event; for the end of an agent, what happened last within it."""
        node = draft.node
        if node.role == Role.AGENT and draft is self._drafts.ends.get(id(node)):
            scope = self._scopes.get(id(node))
            return (scope.final(draft.time_ns) if scope else None) or self._drafts.starts.get(id(node))
        above, around = self._drafts.starts.get(id(node.above)), self._drafts.starts.get(id(node.agent_node))
        if above is not None and around is not None:
            return above if above.time_ns >= around.time_ns else around
        return above or around or self._drafts.run_start

    def end_run(self) -> None:
        """Let the last event before the run's end be its cause."""
        end = self._drafts.run_end
        if end is None:
            return
        others = [draft for draft in self._drafts.all if draft is not end and draft is not self._drafts.run_start]
        agents = [draft for draft in others if draft.node.role == Role.AGENT and draft.type != "agent.started"]
        last = max(agents or others, key=lambda draft: (draft.time_ns, draft.id), default=None)
        end.cause = last or self._drafts.run_start


class _Scope:
    """The events so far within one call of an agent."""

    def __init__(self) -> None:
        self.last_reply: Draft | None = None
        self.last: Draft | None = None
        self._returned: list[tuple[int, str, Draft]] = []
        """The results that nothing has followed yet: a heap, with the first in time on top."""
        self._results: Draft | None = None

    def add_result(self, end: Draft) -> None:
        heappush(self._returned, (end.time_ns, end.id, end))

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
        results: list[Draft] = []
        while self._returned and self._returned[0][0] <= until_ns:
            results.append(heappop(self._returned)[-1])
        if not results:
            return None
        *draft.links, last = results
        return last

    def final(self, until_ns: int) -> Draft | None:
        """Return what happened last until a time: some tools run when the agent that asked for them has ended."""
        results = (one for _, _, one in self._returned)
        last = [one for one in (self.last, *results) if one is not None and one.time_ns <= until_ns]
        return max(last, key=lambda draft: (draft.time_ns, draft.id), default=None)
