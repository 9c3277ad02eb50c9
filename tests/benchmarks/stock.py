"""The same endpoints on Django's own handler, with the site's middleware: what the lean lane is there to avoid."""

from __future__ import annotations

from eventsite.asgi import django, with_engine

application = with_engine(django)
