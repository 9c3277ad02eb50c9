"""CloudEvents 1.0 over HTTP (structured, batched, binary) as events of the log.

`subject`, else `source`, names the stream. CloudEvents ids are unique per source only, so the event's
id is a UUIDv5 of source and id; the original attributes stand in `metadata.cloudevents`.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import unquote

import msgspec
import orjson
from django.conf import settings
from msgspec import Meta, Raw

from events.api.schemas import Name, StreamName, Time, decode
from events.appending.checks import check_stream, new_append, new_event
from events.errors import EventsError, Invalid, TooLarge
from events.types import Append

STRUCTURED = "application/cloudevents+json"
BATCHED = "application/cloudevents-batch+json"

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://cloudevents.io/spec/v1.0")
_Attribute = str | bool | Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]
"""An attribute's value; in JSON, null says that it is absent."""
_REQUIRED = ("id", "source", "specversion", "type")
_ANY_TEXT = {"type": "string", "pattern": r"^[^\u0000]*$"}


def _or_nothing(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"enum": ["", None]}]}


def _named(name: Any) -> dict[str, Any]:
    return msgspec.json.schema(name)


SCHEMA = {
    "type": "object",
    "required": list(_REQUIRED),
    "not": {"required": ["data", "data_base64"]},
    "properties": {
        "id": {**_ANY_TEXT, "minLength": 1},
        "source": {**_named(StreamName), "description": "Names the stream where there is no subject"},
        "specversion": {"enum": ["1.0"]},
        "type": _named(Name),
        "subject": _or_nothing({**_named(StreamName), "description": "Names the stream"}),
        "time": _or_nothing(_named(Time)),
        "correlationid": _or_nothing(_named(Name)),
        "causationid": _or_nothing(_named(Name)),
        "data": {},
        "data_base64": {"type": "string", "format": "byte"},
    },
    "additionalProperties": {
        "anyOf": [
            _ANY_TEXT,
            {"type": "boolean"},
            {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
            {"type": "null"},
        ]
    },
}
"""The JSON format, for OpenAPI."""


def batched(body: bytes, *, pinned_agent: str | None) -> list[Append | EventsError]:
    """Each event of a batch: checked, or what is wrong with it."""
    items = decode(body, list[Raw])
    limit = settings.EVENTSITE.request_max_events
    if len(items) > limit:
        raise TooLarge(f"The batch holds {len(items):,} events; the limit is {limit:,}.", field="body", limit=limit)
    found: list[Append | EventsError] = []
    for index, item in enumerate(items):
        try:
            found.append(structured(bytes(item), pinned_agent=pinned_agent, field=f"[{index}]"))
        except EventsError as error:
            found.append(error)
    return found


def structured(body: bytes, *, pinned_agent: str | None, field: str = "event") -> Append:
    """One event in the JSON format."""
    members = decode(body, dict[str, Raw])
    if "data" in members and "data_base64" in members:
        raise Invalid(f"{field} has both data and data_base64.", field=f"{field}.data_base64")
    data = bytes(members.pop("data", Raw(b"null")))
    if encoded := members.pop("data_base64", None):
        data = msgspec.json.encode({"data_base64": _decoded(encoded, bytes, f"{field}.data_base64", "base64")})
    attributes = {
        name: _decoded(value, _Attribute, f"{field}.{name}", "a string, a boolean or an integer")
        for name, value in members.items()
        if bytes(value).strip() != b"null"
    }
    return _append(attributes, data, pinned_agent=pinned_agent, field=field)


def binary(headers: Mapping[str, str], body: bytes, *, pinned_agent: str | None) -> Append:
    """One event whose attributes are `ce-` headers and whose data is the body."""
    attributes: dict[str, object] = {
        name[3:].lower(): unquote(value) for name, value in headers.items() if name.lower().startswith("ce-")
    }
    content_type = headers.get("Content-Type", "")
    if content_type:
        attributes["datacontenttype"] = content_type
    return _append(attributes, _binary_data(content_type, body), pinned_agent=pinned_agent, field="event")


def _binary_data(content_type: str, body: bytes) -> bytes:
    media = content_type.partition(";")[0].strip().lower()
    if not body:
        return b"null"
    if not media or media == "application/json" or media.endswith("+json"):
        return body
    if media.startswith("text/"):
        try:
            return orjson.dumps(body.decode())
        except UnicodeDecodeError:
            raise Invalid("The body is not valid UTF-8.", field="body") from None
    return msgspec.json.encode({"data_base64": body})


def _append(attributes: dict[str, object], data: bytes, *, pinned_agent: str | None, field: str) -> Append:
    for name in _REQUIRED:
        if not isinstance(attributes.get(name), str) or not attributes[name]:
            raise Invalid(f"{field}.{name} must be a string that is not empty.", field=f"{field}.{name}")
    if attributes["specversion"] != "1.0":
        raise Invalid(f"{field}.specversion must be 1.0.", field=f"{field}.specversion")
    source = str(attributes["source"])
    subject, time, correlation_id, causation_id = (
        _text(attributes, name, field) for name in ("subject", "time", "correlationid", "causationid")
    )
    stream = check_stream(subject or source, f"{field}.{'subject' if subject else 'source'}")
    event = new_event(
        stream,
        str(attributes["type"]),
        data=data,
        metadata=orjson.dumps({"cloudevents": attributes}),
        id=str(uuid.uuid5(_NAMESPACE, f"{source}\n{attributes['id']}")),
        agent=pinned_agent or source,
        correlation_id=correlation_id,
        causation_id=causation_id,
        occurred_at=time,
        pinned_agent=pinned_agent,
        field=field,
    )
    return new_append(stream, [event])


def _text(attributes: dict[str, object], name: str, field: str) -> str | None:
    value = attributes.get(name)
    if value is None or isinstance(value, str):
        return value or None
    raise Invalid(f"{field}.{name} must be a string.", field=f"{field}.{name}")


def _decoded(raw: Raw, type_: Any, field: str, what: str) -> Any:
    try:
        return msgspec.json.decode(raw, type=type_)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"{field} must be {what}: {error}.", field=field) from None
