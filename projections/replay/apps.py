from __future__ import annotations

from django.apps import AppConfig


class ReplayConfig(AppConfig):
    name = "projections.replay"
    label = "replay"

    def ready(self) -> None:
        from projections.jobs import queue
        from projections.replay.seek import job

        queue.register_kind(job.SEEK, job.run_seek)
