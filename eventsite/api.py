"""The API: its routers and its description."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema

from events.api import leases, openapi, pauses, subscription_holdings, subscription_orders, subscriptions
from events.api.operations import router
from events.api.responses import problem_answer
from eventsite.api_docs import ApiDocs
from eventsite.api_errors import answer_errors
from projections.api import operations, resume, resume_schemas
from projections.api.schemas import STRUCTS
from projections.dead_letters.api import operations as dead_letters_api
from projections.dead_letters.api import schemas as dead_letter_schemas
from projections.replay.api import operations as replay_api
from projections.replay.api import schemas as replay_schemas

_STRUCTS: list[Any] = [
    *STRUCTS,
    *resume_schemas.STRUCTS,
    *replay_schemas.STRUCTS,
    *dead_letter_schemas.STRUCTS,
]


class EventsiteAPI(NinjaAPI):
    """The API, with the schemas of the bodies that msgspec reads and writes."""

    def get_openapi_schema(self, **kwargs: Any) -> OpenAPISchema:
        schema = super().get_openapi_schema(**kwargs)
        schema["components"].setdefault("schemas", {}).update(openapi.components(_STRUCTS))
        openapi.describe_paths(schema["paths"], {**replay_schemas.IN_PATHS, **dead_letter_schemas.IN_PATHS})
        return schema


DESCRIPTION = """\
Append events, read them, and follow the log. The token names the log: `Authorization: Bearer evt_…`.

Limits: {0.event_max_bytes:,} bytes and {0.event_max_depth} levels of data, and of metadata;
{0.name_max_length} characters of a name; numbers of {0.number_max_digits:,} digits and exponents of
±{0.number_max_exponent:,}; {0.request_max_events:,} events and {0.request_max_bytes:,} bytes per request
(`application/x-ndjson`: any number of lines). A larger request is refused with 413 or 422. The answer names the
field and the limit, and nothing is written.

Every error is a problem (RFC 9457) with a stable `code`. A temporary 503 has `Retry-After`. With event ids or
an `idempotency_key` it is safe to send the same request again.
"""
api = EventsiteAPI(
    title="Eventsite",
    version="1",
    description=DESCRIPTION.format(settings.EVENTSITE),
    urls_namespace="api",
    docs=ApiDocs(settings={"deepLinking": False}),  # its links stand inside buttons
)
api.add_router("", router)
api.add_router("", leases.router)
api.add_router("", pauses.router)
api.add_router("", subscriptions.router)
api.add_router("", subscription_orders.router)
api.add_router("", subscription_holdings.router)
api.add_router("", operations.router)
api.add_router("", resume.router)
api.add_router("", replay_api.router)
api.add_router("", dead_letters_api.router)
answer_errors(api, lambda request, error: problem_answer(error))
