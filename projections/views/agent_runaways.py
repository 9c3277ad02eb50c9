"""The agents of a page that run away at this moment, by their last events and those of their workflows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from django.conf import settings

from events.pauses.reads import last_acts
from events.pauses.runaways import LOOP_EVENTS, Act, Runaway, repeats, to_and_fro, told_once
from events.pauses.target import Target
from projections.views.agent_activity import MINUTES, Presence


def runaways_of(log_id: int, agents: Iterable[Presence], pauses: Iterable[Target]) -> list[Runaway]:
    """Return the runaways among some agents that no pause has ended, the newest first.

    It takes 2 reads, each of the last few events of each agent that had an event in the last quarter of an hour.
    """
    limits = settings.EVENTSITE
    limit = 3 * max(limits.runaway_repeats, limits.runaway_turns)
    at_work = [agent for agent in agents if agent.idle_time < timedelta(minutes=MINUTES)]
    busy = {agent.name for agent in at_work if agent.recent_events >= limits.runaway_repeats}
    by_agent = last_acts(log_id, "agent", busy, limit=limit).fetch()
    workflows = {agent.workflow for agent in at_work if agent.workflow is not None}
    by_workflow = last_acts(log_id, "correlation_id", workflows, limit=limit).fetch()
    findings = [
        each
        for each in repeats(by_agent, limits)
        if _goes_on(each, [act for act in by_agent if act.agent in each.agents])
    ]
    findings += [
        each
        for each in to_and_fro(by_workflow, limits)
        if _goes_on(each, [act for act in by_workflow if act.workflow == each.workflow])
    ]
    return [each for each in told_once(findings)[::-1] if each.targets.isdisjoint(pauses)]


def _goes_on(runaway: Runaway, acts: Sequence[Act]) -> bool:
    """Whether one of the last events of its agent, or of its workflow, is of the runaway."""
    return runaway.positions[-1] in [act.position for act in acts[-LOOP_EVENTS:]]
