from __future__ import annotations

from django.apps import AppConfig


class DeadLettersConfig(AppConfig):
    name = "projections.dead_letters"
    label = "dead_letters"

    def ready(self) -> None:
        from events.models import Role
        from projections.dead_letters import job
        from projections.dead_letters.deciding import DECIDE
        from projections.jobs import queue

        queue.register_kind(DECIDE, job.decide_many, role=Role.OPERATOR, at_end=job.record_end)
