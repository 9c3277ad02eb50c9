"""The same endpoints on Django's own handler, with the site's middleware, which the API's direct way avoids."""

from __future__ import annotations

from eventsite.asgi import django, with_engine

application = with_engine(django)
