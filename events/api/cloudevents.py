"""CloudEvents 1.0 over HTTP (structured, batched, binary) as events of the log.

`subject`, else `source`, names the stream. CloudEvents ids are unique per source only, so the event's id is a UUIDv5 of
source and id. The extension attributes of `_DEMANDS` are the conditions of the append. All others, and the attributes
of the specification, are kept in `metadata.cloudevents`: `tags` too, as it was before it named the event's tags.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import unquote, unquote_to_bytes

import msgspec
import orjson
from django.conf import settings
from msgspec import Meta, Raw, Struct

from events.api.decoding import decode_json
from events.api.guard_schemas import ConditionIn, checked_guards
from events.api.lease_schemas import HeldLeaseIn, checked_leases
from events.api.media import as_json
from events.api.names import Name, StreamName
from events.api.schemas import Time
from events.api.settling_schemas import SettlesIn, checked_settles
from events.appending.checks import (
    MAX_TAG_CHARACTERS,
    MAX_TAGS,
    check_count,
    check_expected_version,
    check_name,
    check_stream,
    new_append,
    new_event,
)
from events.appending.guards import Guard
from events.errors import EventsError, Invalid, TooLarge
from events.json import split
from events.types import Append

STRUCTURED = "application/cloudevents+json"
BATCHED = "application/cloudevents-batch+json"

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://cloudevents.io/spec/v1.0")
_Attribute = str | bool | Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]
"""An attribute's value; in JSON, null means that it is absent."""
_REQUIRED = ("id", "source", "specversion", "type")
_DEMANDS = ("expectedversion", "idempotencykey", "readposition", "if", "leases", "settles")
_DIGITS = "[0-9]{1,18}"
_MAX_CONDITIONS_BYTES = 20_000
"""Most bytes of the attributes `if` of a batch, for the reason that `check_length()` gives."""
# A quoted string in a header's value; a backslash in it escapes the next character.
_QUOTED = re.compile(r'"([^"\\]*+(?:\\.[^"\\]*+)*+)"')
_ANY_TEXT = {"type": "string", "pattern": r"^[^\u0000]*$"}
_ANY_INTEGER = {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1}
_TAG = rf"[^,%\u0000-\u001f\u007f-\u009f]{{1,{MAX_TAG_CHARACTERS}}}"
_TAGS = {"type": "string", "pattern": rf"^{_TAG}(,{_TAG}){{0,{MAX_TAGS - 1}}}$"}


def _or_nothing(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"enum": ["", None]}]}


def _schema_of(name: Any) -> dict[str, Any]:
    return msgspec.json.schema(name)


# An Integer of CloudEvents has 32 bits: a larger number is sent as text, as all numbers are in headers.
_NUMBER = [{"type": "integer", "minimum": 0, "maximum": 2**31 - 1}, {"type": "string", "pattern": f"^{_DIGITS}$"}]
SCHEMA = {
    "type": "object",
    "required": list(_REQUIRED),
    "not": {"required": ["data", "data_base64"]},
    "properties": {
        "id": {**_ANY_TEXT, "minLength": 1},
        "source": {**_schema_of(StreamName), "description": "Names the stream if there is no subject"},
        "specversion": {"enum": ["1.0"]},
        "type": _schema_of(Name),
        "subject": _or_nothing({**_schema_of(StreamName), "description": "Names the stream"}),
        "time": _or_nothing(_schema_of(Time)),
        "datacontenttype": _or_nothing(_ANY_TEXT),
        "correlationid": _or_nothing(_schema_of(Name)),
        "causationid": _or_nothing(_schema_of(Name)),
        "expectedversion": _or_nothing({"anyOf": [{"enum": ["any", "no_stream", "stream_exists"]}, *_NUMBER]}),
        "idempotencykey": _or_nothing({**_schema_of(Name), "description": "Makes a retry with another id safe"}),
        "readposition": _or_nothing({"anyOf": _NUMBER, "description": "The position that the writer had read up to"}),
        "if": _or_nothing(
            {"type": "string", "contentMediaType": "application/json", "description": "The conditions, as a JSON text"}
        ),
        "leases": _or_nothing(
            {"type": "string", "contentMediaType": "application/json", "description": "The leases, as a JSON text"}
        ),
        "settles": _or_nothing(
            {"type": "string", "contentMediaType": "application/json", "description": "Deliveries, as a JSON text"}
        ),
        "tags": _or_nothing(
            {"anyOf": [_TAGS, {"type": "boolean"}, _ANY_INTEGER], "description": "Names, joined by commas"}
        ),
        "data": {},
        "data_base64": {"type": "string", "format": "byte"},
    },
    "additionalProperties": {
        "anyOf": [
            _ANY_TEXT,
            {"type": "boolean"},
            _ANY_INTEGER,
            {"type": "null"},
        ]
    },
}
"""The JSON format, for OpenAPI."""


def batched(body: bytes, *, pinned_agent: str | None) -> list[Append | EventsError]:
    """Return each event of a batch, checked, or its error."""
    items, fault = split.split_array(body)
    if fault:
        decode_json(body, list[Raw])  # raises, and says why
    limit = settings.EVENTSITE.request_max_events
    if len(items) > limit:
        raise TooLarge(f"The batch holds {len(items):,} events; the limit is {limit:,}.", field="body", limit=limit)
    if sum(map(_length_of_conditions, items)) > _MAX_CONDITIONS_BYTES:
        detail = f"The conditions of the batch have more than {_MAX_CONDITIONS_BYTES:,} bytes."
        raise TooLarge(detail, field="body", limit=_MAX_CONDITIONS_BYTES)
    appends: list[Append | EventsError] = []
    for index, item in enumerate(items):
        try:
            appends.append(structured(item, pinned_agent=pinned_agent, field=f"[{index}]"))
        except EventsError as error:
            appends.append(error)
    return appends


class _OnlyConditions(Struct, rename={"conditions": "if"}):
    conditions: Raw = Raw()


def _length_of_conditions(item: bytes) -> int:
    """Return the number of bytes of an event's conditions, or 0 if it can't be read: its own check says why."""
    try:
        return len(bytes(msgspec.json.decode(item, type=_OnlyConditions).conditions))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return 0


def structured(body: bytes, *, pinned_agent: str | None, field: str = "event") -> Append:
    """Return the event in a body of the JSON format."""
    members = decode_json(body, dict[str, Raw])
    if "data" in members and "data_base64" in members:
        raise Invalid(f"{field} has both data and data_base64.", field=f"{field}.data_base64")
    data = bytes(members.pop("data", Raw(b"null")))
    base64 = members.pop("data_base64", None)
    attributes = {
        name: _decoded_attribute(value, _Attribute, f"{field}.{name}", "a string, a boolean or an integer")
        for name, value in members.items()
        if bytes(value).strip() != b"null"
    }
    content_type = _text_attribute(attributes, "datacontenttype", field) or ""
    if base64 is not None:
        where = f"{field}.data_base64"
        data = as_json(content_type, _decoded_attribute(base64, bytes, where, "base64"), where)
    return _append(attributes, data, pinned_agent=pinned_agent, field=field)


def binary(headers: Mapping[str, str], body: bytes, *, pinned_agent: str | None) -> Append:
    """Return the event whose attributes are `ce-` headers and whose data is the body."""
    attributes: dict[str, object] = {
        name[3:].lower(): _header_value(value, f"event.{name[3:].lower()}")
        for name, value in headers.items()
        if name.lower().startswith("ce-")
    }
    content_type = headers.get("Content-Type", "")
    if content_type:
        attributes["datacontenttype"] = content_type
    return _append(attributes, _binary_data(content_type, body), pinned_agent=pinned_agent, field="event")


def _header_value(value: str, field: str) -> str:
    """Return the value of a header: quoted strings unquoted, then percent-decoded once (HTTP binding 1.0, 3.1.3.2)."""
    text = _QUOTED.sub(lambda match: re.sub(r"\\(.)", r"\1", match[1]), value)
    try:
        return unquote_to_bytes(text.encode("latin-1")).decode()
    except UnicodeDecodeError:
        raise Invalid(f"{field} is not valid UTF-8.", field=field) from None


def _binary_data(content_type: str, body: bytes) -> bytes:
    if not body:
        return b"null"
    if not content_type and _is_json(body):
        return body
    return as_json(content_type, body, "body")


def _is_json(body: bytes) -> bool:
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return True


def _append(attributes: dict[str, object], data: bytes, *, pinned_agent: str | None, field: str) -> Append:
    for name in _REQUIRED:
        if not isinstance(attributes.get(name), str) or not attributes[name]:
            raise Invalid(f"{field}.{name} must be a string that is not empty.", field=f"{field}.{name}")
    if attributes["specversion"] != "1.0":
        raise Invalid(f"{field}.specversion must be 1.0.", field=f"{field}.specversion")
    source = str(attributes["source"])
    subject, time, correlation_id, causation_id, key = (
        _text_attribute(attributes, name, field)
        for name in ("subject", "time", "correlationid", "causationid", "idempotencykey")
    )
    stream = check_stream(subject or source, f"{field}.{'subject' if subject else 'source'}")
    others = {name: value for name, value in attributes.items() if name not in _DEMANDS}
    event = new_event(
        stream,
        str(attributes["type"]),
        data=data,
        metadata=orjson.dumps({"cloudevents": others}),
        id=str(uuid.uuid5(_NAMESPACE, f"{source}\n{attributes['id']}")),
        agent=pinned_agent or source,
        correlation_id=correlation_id,
        causation_id=causation_id,
        occurred_at=time,
        tags=_tags(attributes, field),
        pinned_agent=pinned_agent,
        field=field,
    )
    return new_append(
        stream,
        [event],
        expected_version=check_expected_version(_expected_version(attributes, field), f"{field}.expectedversion"),
        idempotency_key=check_name(key, f"{field}.idempotencykey") if key else None,
        read_position=_number_attribute(attributes, "readposition", field),
        guards=_leases(attributes, field) + _conditions(attributes, field) + _settles(attributes, field),
    )


def _conditions(attributes: dict[str, object], field: str) -> tuple[Guard, ...]:
    """Return the conditions of the event's append. An attribute is a text, so this one holds JSON."""
    text = _text_attribute(attributes, "if", field)
    if text is None:
        return ()
    return checked_guards(decode_json(text.encode(), list[ConditionIn], name=f"{field}.if"), f"{field}.")


def _leases(attributes: dict[str, object], field: str) -> tuple[Guard, ...]:
    """Return the leases that the event's append needs; this attribute holds JSON, too."""
    text = _text_attribute(attributes, "leases", field)
    if text is None:
        return ()
    return checked_leases(decode_json(text.encode(), list[HeldLeaseIn], name=f"{field}.leases"), f"{field}.")


def _settles(attributes: dict[str, object], field: str) -> tuple[Guard, ...]:
    """Return the deliveries that the event's append settles; this attribute holds JSON, too."""
    text = _text_attribute(attributes, "settles", field)
    if text is None:
        return ()
    return checked_settles(decode_json(text.encode(), list[SettlesIn], name=f"{field}.settles"), f"{field}.")


def _tags(attributes: dict[str, object], field: str) -> list[str]:
    """Return the names in the attribute `tags`, which no attribute could hold as an array.

    They are joined by commas; a comma in a name is percent-encoded. Spaces around a name, empty names and repetitions
    do not count. A number or a boolean is an attribute like others, and names no tags.
    """
    value = attributes.get("tags")
    if not isinstance(value, str):
        return []
    try:
        names = [unquote(name, errors="strict") for part in value.split(",") if (name := part.strip())]
    except UnicodeDecodeError:
        raise Invalid(f"{field}.tags is percent-encoded, but not as UTF-8.", field=f"{field}.tags") from None
    return list(dict.fromkeys(names))


def _expected_version(attributes: dict[str, object], field: str) -> int | str | None:
    value = attributes.get("expectedversion")
    if isinstance(value, str) and not re.fullmatch(_DIGITS, value):
        return value or None
    return _number_attribute(attributes, "expectedversion", field)


def _number_attribute(attributes: dict[str, object], name: str, field: str) -> int | None:
    """Return an attribute that is a whole number from 0, or None if it is absent.

    It may be text: all attributes in headers are text, and an Integer of CloudEvents has only 32 bits.
    """
    value = attributes.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, str) and re.fullmatch(_DIGITS, value):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return check_count(value, f"{field}.{name}", minimum=0)
    raise Invalid(f"{field}.{name} must be a whole number.", field=f"{field}.{name}")


def _text_attribute(attributes: dict[str, object], name: str, field: str) -> str | None:
    value = attributes.get(name)
    if value is None or isinstance(value, str):
        return value or None
    raise Invalid(f"{field}.{name} must be a string.", field=f"{field}.{name}")


def _decoded_attribute(raw: Raw, type_: Any, field: str, what: str) -> Any:
    try:
        return msgspec.json.decode(raw, type=type_)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"{field} must be {what}: {error}.", field=field) from None
