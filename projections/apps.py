from __future__ import annotations

from django.apps import AppConfig


class ProjectionsConfig(AppConfig):
    name = "projections"
    default_auto_field = "django.db.models.AutoField"

    def ready(self) -> None:
        from projections import checks, registry  # noqa: F401 - registers the checks

        registry.autodiscover()
