from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ProjectionsConfig(AppConfig):
    name = "projections"
    default_auto_field = "django.db.models.AutoField"

    def ready(self) -> None:
        from projections import checks, earlier_fingerprint, registry  # noqa: F401 - registers the checks

        registry.autodiscover()
        post_migrate.connect(earlier_fingerprint.after_migration, sender=self)
