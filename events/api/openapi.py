"""OpenAPI for operations whose bodies msgspec decodes. The structs are the only description of a body."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct

from events import errors
from events.api import (
    lease_schemas,
    names,
    pause_schemas,
    query_schemas,
    schemas,
    subscription_holdings_schemas,
    subscription_order_schemas,
    subscription_schemas,
)
from events.api.guard_schemas import GUARDS_NEED_ATOMIC
from events.query.errors import InvalidQuery, NotForEvents

Body: TypeAlias = type[Struct] | tuple[type[Struct], ...] | dict[str, Any]
"""The type of a body: a struct, one of several, or a JSON Schema."""
READ_REFUSALS = (400, 401, 403, 404, 422, 503)
"""The statuses with which any read may be refused."""
_DONE = {202: "A job makes this answer. Ask again when the job is done", 304: "Not modified"}
_JSON = "application/json"
_STRUCTS = (
    schemas.AppendIn,
    schemas.AppendsIn,
    schemas.LineIn,
    schemas.AppendOut,
    schemas.AppendsOut,
    schemas.BulkOut,
    schemas.EventOut,
    schemas.EventsOut,
    schemas.StreamEventsOut,
    schemas.StreamOut,
    schemas.StreamsOut,
    schemas.Problem,
    *pause_schemas.STRUCTS,
    *lease_schemas.STRUCTS,
    *subscription_schemas.STRUCTS,
    *subscription_order_schemas.STRUCTS,
    *subscription_holdings_schemas.STRUCTS,
)
_IN_PATHS = {
    "stream": msgspec.json.schema(names.StreamName),
    "position": msgspec.json.schema(query_schemas.Position),
    "agent": msgspec.json.schema(names.Name),
    "workflow": msgspec.json.schema(names.Name),
}
_TITLES = {
    status: ", ".join(sorted(f"`{error.code}`" for error in classes))
    for status in (400, 401, 403, 404, 409, 413, 422, 423, 503)
    if (
        classes := [
            error
            for error in (*vars(errors).values(), InvalidQuery, NotForEvents)
            if isinstance(error, type) and issubclass(error, errors.EventsError) and error.status == status
        ]
    )
}


def components(others: Sequence[type[Struct]] = ()) -> dict[str, Any]:
    """Return the schemas of every struct of the log's API, and of others."""
    by_name = msgspec.json.schema_components([*_STRUCTS, *others], ref_template=schemas.REFERENCE)[1]
    by_name[schemas.AppendsIn.__name__] |= GUARDS_NEED_ATOMIC
    for struct, alternatives in lease_schemas.ALTERNATIVES.items():
        by_name[struct.__name__] |= alternatives
    return by_name


def operation(
    *,
    takes: Mapping[str, Body] | None = None,
    gives: Mapping[int, Body | None],
    text: str | None = None,
    refuses: Sequence[int],
    query: type[Struct] | None = None,
    headers: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    """Return the `openapi_extra` of an operation: its body by media type, answers by status, query struct, headers.

    An answer without a body is None; `text` is the media type of a text that a client may ask for instead of JSON.
    """
    responses: dict[int, Any] = {}
    extra: dict[str, Any] = {"responses": responses}
    if takes is not None:
        extra["requestBody"] = {"required": True, "content": _content(takes)}
    for status, body in gives.items():
        content = _content({} if body is None else {_JSON: body})
        if text is not None and status == 200:
            content |= _content({text: {"type": "string"}})
        responses[status] = {"description": _DONE.get(status, "Done"), "content": content}
    for status in refuses:
        responses[status] = {
            "description": _TITLES.get(status, "Refused"),
            "content": _content({"application/problem+json": schemas.Problem}),
        }
    if query is not None:
        extra["parameters"] = [*_query_parameters(query), *headers]
    return extra


def read_operation(
    body: type[Struct],
    query: type[Struct],
    *,
    also: Mapping[int, type[Struct] | None] | None = None,
    refuses: Sequence[int] = (),
    text: str | None = None,
    headers: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    """Return the `openapi_extra` of an operation that reads.

    The operation answers with `body`, or with one of `also` by its status; `refuses` extends `READ_REFUSALS`.
    """
    statuses = sorted({*READ_REFUSALS, *refuses})
    return operation(gives={200: body, **(also or {})}, text=text, refuses=statuses, query=query, headers=headers)


def header(name: str, description: str) -> dict[str, Any]:
    """Return the description of a header that a request may carry."""
    return {
        "in": "header",
        "name": name,
        "required": False,
        "description": description,
        "schema": {"type": "string"},
    }


def _content(bodies: Mapping[str, Body]) -> dict[str, Any]:
    return {media: {"schema": _schema(body)} for media, body in bodies.items()}


def _schema(body: Body) -> dict[str, Any]:
    if isinstance(body, dict):
        return body
    if isinstance(body, tuple):
        return {"anyOf": [_schema(each) for each in body]}
    return {"$ref": schemas.REFERENCE.format(name=body.__name__)}


def describe_paths(paths: dict[str, Any], others: Mapping[str, Any]) -> None:
    """Give the parameters in paths the schemas of their converters and checks: those of the log, and others."""
    schemas_of = {**_IN_PATHS, **others}
    for operations in paths.values():
        for description in operations.values():
            for parameter in description["parameters"]:
                if parameter["in"] == "path":
                    parameter["schema"] = schemas_of.get(parameter["name"], parameter["schema"])


def _query_parameters(query: type[Struct]) -> list[dict[str, Any]]:
    schema = msgspec.json.schema(query)["$defs"][query.__name__]
    return [
        {
            "in": "query",
            "name": name,
            "required": name in schema.get("required", ()),
            "description": parameter.get("description", ""),
            "schema": _without_null(parameter),
        }
        for name, parameter in schema["properties"].items()
    ]


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a query parameter, which can be absent but not null."""
    if "anyOf" in schema:
        return next(choice for choice in schema["anyOf"] if choice.get("type") != "null")
    return {key: value for key, value in schema.items() if key != "default" or value not in (None, [])}
