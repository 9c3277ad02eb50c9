from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ProjectionsConfig(AppConfig):
    name = "projections"
    default_auto_field = "django.db.models.AutoField"

    def ready(self) -> None:
        from events.models import Role
        from events.reading import newest
        from projections import checks, registry  # noqa: F401 - the import registers the checks
        from projections.definition import upcasting
        from projections.jobs import dry_run, fold, queue
        from projections.materialise import earlier_fingerprint

        registry.autodiscover()
        newest.register(lambda event: upcasting.current().as_newest(event))
        queue.register_kind(fold.FOLD_STATE, fold.fold_state)
        queue.register_kind(fold.FOLD_SOURCE, fold.fold_source)
        queue.register_kind(dry_run.DRY_RUN, dry_run.try_rebuild, role=Role.OPERATOR)
        post_migrate.connect(earlier_fingerprint.after_migration, sender=self)
