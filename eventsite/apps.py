from __future__ import annotations

from django.apps import AppConfig


class EventsiteConfig(AppConfig):
    name = "eventsite"

    def ready(self) -> None:
        from eventsite import checks, database_checks  # noqa: F401 - the import registers the checks
