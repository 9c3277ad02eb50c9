"""CloudEvents 1.0 over HTTP, in all three modes."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import NAMESPACE_URL, UUID, uuid5

import httpx2
import pytest

from events import engine
from events.models import Log
from events.reading import store
from tests.support.api import BATCHED, BINARY, cloud_event, head
from tests.support.cloudevents import only_event, send


async def test_a_structured_event_keeps_all_its_attributes(api: httpx2.AsyncClient) -> None:
    event_sent = cloud_event(
        subject="order-1",
        time="2026-01-31T12:00:00Z",
        datacontenttype="application/json",
        dataschema="https://example.com/schema",
        correlationid="w-1",
        causationid="c-1",
        priority=5,
        urgent=True,
        data={"n": 1},
    )
    answer = await send(api, event_sent)
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"]
    event = await only_event(api)
    assert (event["stream"], event["type"], event["agent"], event["data"]) == ("order-1", "placed", "/shop", {"n": 1})
    assert (event["correlation_id"], event["causation_id"]) == ("w-1", "c-1")
    assert event["occurred_at"] == "2026-01-31T12:00:00Z"
    del event_sent["data"]
    assert event["metadata"] == {"cloudevents": event_sent}
    namespace = uuid5(NAMESPACE_URL, "https://cloudevents.io/spec/v1.0")
    assert UUID(event["id"]) == uuid5(namespace, "/shop\n1")


async def test_a_binary_event_is_its_headers_and_its_body(api: httpx2.AsyncClient) -> None:
    headers = {**BINARY, "ce-subject": "caf%C3%A9", "ce-priority": "5", "Content-Type": "application/json"}
    answer = await send(api, '{"n": 0.12345678901234567890}', headers)
    assert answer.status_code == 201, answer.text
    assert '"data":{"n": 0.12345678901234567890}' in (await api.get("/api/events/1")).text
    event = await only_event(api)
    assert (event["stream"], event["type"], event["agent"]) == ("café", "placed", "/shop")
    assert event["metadata"]["cloudevents"] == {
        "specversion": "1.0", "id": "1", "source": "/shop", "type": "placed", "subject": "café", "priority": "5",
        "datacontenttype": "application/json",
    }  # fmt: skip


async def test_both_modes_give_one_event_the_same_id(api: httpx2.AsyncClient) -> None:
    first = (await send(api, cloud_event())).json()
    second = await send(api, b"", BINARY)
    assert (second.status_code, second.json()["events"]) == (200, first["events"])


async def test_the_source_names_the_stream_where_there_is_no_subject(api: httpx2.AsyncClient) -> None:
    for id, subject in (("1", ...), ("2", None), ("3", "")):
        assert (await send(api, cloud_event(id=id, subject=subject))).json()["stream"] == "/shop"


async def test_the_same_id_from_two_sources_is_two_events(api: httpx2.AsyncClient) -> None:
    first, second = [(await send(api, cloud_event(source=source))).json() for source in ("/a", "/b")]
    assert first["events"][0]["id"] != second["events"][0]["id"]
    again = await send(api, cloud_event(source="/a"))
    assert (again.status_code, again.json()["replayed"]) == (200, True)
    assert (await send(api, cloud_event(source="/a", data=2))).json()["code"] == "id-conflict"


async def test_a_batch_has_a_result_per_event(api: httpx2.AsyncClient) -> None:
    batch = [cloud_event(), cloud_event(id=""), cloud_event(id="2"), cloud_event(id="1"), 7]
    answer = await send(api, batch, BATCHED)
    assert answer.status_code == 200, answer.text
    results = answer.json()["results"]
    assert [result["status"] for result in results] == [201, 422, 201, 200, 422]
    assert results[1]["body"]["field"] == "[1].id"
    assert await head(api) == 2
    assert (await send(api, [], BATCHED)).json() == {"results": []}


async def test_a_batch_may_have_ten_thousand_events(api: httpx2.AsyncClient) -> None:
    answer = await send(api, [cloud_event(id=str(n)) for n in range(10_001)], BATCHED)
    assert (answer.status_code, answer.json()["code"], answer.json()["limit"]) == (413, "too-large", 10_000)
    assert await head(api) == 0


@pytest.mark.parametrize(
    ("content_type", "body", "data"),
    [
        ("text/plain; charset=utf-8", "héllo", "héllo"),
        ("application/octet-stream", b"\x00\xff", {"data_base64": "AP8="}),
        ("application/octet-stream", b"text", {"data_base64": "dGV4dA=="}),
        ("text/json", "[1]", [1]),
        ("application/json", b"\xef\xbb\xbf[1]", [1]),
        ("application/xml", '<much wow="xml"/>', '<much wow="xml"/>'),
        ("Application/SOAP+XML; charset=utf-8", "<é/>", "<é/>"),
        ("application/x-www-form-urlencoded", "a=1", "a=1"),
        ("application/yaml", "a: é", "a: é"),
        ("text/plain; charset=iso-8859-1", b"h\xe9llo", "héllo"),
        ('text/plain; charset="Shift_JIS"', "日本".encode("shift_jis"), "日本"),
        ("text/plain", "\ufeffhéllo".encode(), "héllo"),
        ("text/xml", "<é/>".encode("utf-16"), "<é/>"),
        (
            "text/xml",
            b'<?xml version="1.0" encoding="ISO-8859-1"?><\xe9/>',
            '<?xml version="1.0" encoding="ISO-8859-1"?><é/>',
        ),
        ("text/plain; charset=ebcdic", b"\x88", {"data_base64": "iA=="}),
        ("text/plain; charset=punycode", b"a", {"data_base64": "YQ=="}),
        ("text/plain; charset=iso-8859-99", b"a", {"data_base64": "YQ=="}),
        ("application/vnd.shop+json", "[1]", [1]),
        ("application/json", "", None),
    ],
)
async def test_a_binary_body_becomes_json(
    api: httpx2.AsyncClient, content_type: str, body: str | bytes, data: object
) -> None:
    answer = await send(api, body, {**BINARY, "Content-Type": content_type})
    assert answer.status_code == 201, answer.text
    assert (await only_event(api))["data"] == data


async def test_a_binary_body_without_a_type_is_json_only_if_it_is_json(api: httpx2.AsyncClient) -> None:
    for id, body in enumerate((b'{"n": 1.10}', b"\x00\xff", b"")):
        assert (await send(api, body, {**BINARY, "ce-id": f"{id}", "Content-Type": ""})).status_code == 201
    events = (await api.get("/api/events")).json()["events"]
    assert [event["data"] for event in events] == [{"n": 1.10}, {"data_base64": "AP8="}, None]


@pytest.mark.parametrize(
    ("content_type", "body", "data"),
    [
        (None, b"\x00\xff", {"data_base64": "AP8="}),
        # Data without a content type is not taken for JSON, even if it is (JSON format 1.0, 3.1.2).
        (None, b'{ "xyz": 123 }', {"data_base64": "eyAieHl6IjogMTIzIH0="}),
        ("application/json", b'{ "xyz": 123 }', {"xyz": 123}),
        ("application/vnd.shop+json; charset=utf-8", b'"a"', "a"),
        ("application/xml", b"<a/>", "<a/>"),
        ("text/plain", b"", ""),
        ("image/png", b"\x89PNG", {"data_base64": "iVBORw=="}),
    ],
)
async def test_base64_data_become_what_their_type_says(
    api: httpx2.AsyncClient, content_type: str | None, body: bytes, data: object
) -> None:
    event_sent = cloud_event(datacontenttype=content_type, data_base64=b64encode(body).decode())
    answer = await send(api, event_sent)
    assert answer.status_code == 201, answer.text
    assert (await only_event(api))["data"] == data


async def test_the_digits_of_a_number_in_base64_are_kept(api: httpx2.AsyncClient) -> None:
    encoded = b64encode(b'{"n": 0.12345678901234567890}').decode()
    await send(api, cloud_event(datacontenttype="application/json", data_base64=encoded))
    assert '"data":{"n": 0.12345678901234567890}' in (await api.get("/api/events/1")).text


async def test_text_in_a_body_can_be_found(api: httpx2.AsyncClient) -> None:
    await send(api, "<order>A-17</order>", {**BINARY, "Content-Type": "application/xml"})
    encoded = b64encode(b'{"order": "A-17"}').decode()
    await send(api, cloud_event(id="2", datacontenttype="application/json", data_base64=encoded))
    events = (await api.get("/api/events", params={"q": "A-17"})).json()["events"]
    assert [event["position"] for event in events] == [1, 2]


HEADERS = {
    "Euro%20%E2%82%AC%20%F0%9F%98%80": "Euro € 😀",
    '"a b \\"c\\""': 'a b "c"',
    '"a\\\\b"': "a\\b",
    '""': "",
    'a "b c" d': "a b c d",
    '"%22quoted%22"': '"quoted"',
    "%2541": "%41",
    "100%": "100%",
    "%e2%82%ac": "€",
    "%61": "a",
    'half "open': 'half "open',
}


@pytest.mark.parametrize("header", HEADERS)
async def test_a_header_is_unquoted_and_then_percent_decoded_once(api: httpx2.AsyncClient, header: str) -> None:
    answer = await send(api, "", {**BINARY, "ce-extension": header})
    assert answer.status_code == 201, answer.text
    assert (await only_event(api))["metadata"]["cloudevents"]["extension"] == HEADERS[header]


async def test_a_quoted_subject_names_the_stream_without_the_quotes(api: httpx2.AsyncClient) -> None:
    answer = await send(api, "", {**BINARY, "ce-subject": '"a b \\"c\\""'})
    assert answer.json()["stream"] == 'a b "c"'


async def test_a_header_of_bytes_beyond_ascii_is_taken_as_utf8(api: httpx2.AsyncClient) -> None:
    answer = await send(api, "", {**BINARY, b"ce-subject": "café".encode()})  # type: ignore[dict-item]
    assert answer.json()["stream"] == "café"


async def test_an_attribute_that_is_null_is_absent(api: httpx2.AsyncClient) -> None:
    assert (await send(api, cloud_event(traceparent=None))).status_code == 201
    assert "traceparent" not in (await only_event(api))["metadata"]["cloudevents"]


async def test_attributes_say_what_the_append_asks_of_the_log(api: httpx2.AsyncClient, log: Log) -> None:
    demands: dict[str, Any] = {"expectedversion": 0, "readposition": 7, "idempotencykey": "k-1"}
    first = await send(api, cloud_event(subject="order-1", **demands))
    assert first.status_code == 201, first.text
    event = await store.event(log.pk, 1).afirst(engine.current().pool)
    assert event is not None
    assert (event.expected_version, event.read_position) == (0, 7)
    assert "position" not in event.metadata, "they are no part of the event"

    again = await send(api, cloud_event(subject="order-1", **demands | {"readposition": 9}))
    assert (again.status_code, again.json()["replayed"]) == (200, True)
    late = await send(api, cloud_event(id="2", subject="order-1", expectedversion=0))
    assert (late.status_code, late.json()["code"], late.json()["current_version"]) == (409, "wrong-expected-version", 1)
    reused = await send(api, cloud_event(id="3", subject="order-1", idempotencykey="k-1", data=3))
    assert (reused.status_code, reused.json()["code"]) == (422, "key-reused")


async def test_headers_say_it_as_text(api: httpx2.AsyncClient, log: Log) -> None:
    demands = {"ce-expectedversion": "0", "ce-readposition": "5000000000", "ce-idempotencykey": "k%201"}
    assert (await send(api, "", {**BINARY, **demands})).status_code == 201
    assert (await send(api, "", {**BINARY, "ce-id": "2", "ce-expectedversion": "no_stream"})).status_code == 409
    assert (await send(api, "", {**BINARY, "ce-id": "3", "ce-expectedversion": "stream_exists"})).status_code == 201
    event = await store.event(log.pk, 1).afirst(engine.current().pool)
    assert event is not None
    assert (event.expected_version, event.read_position) == (0, 5_000_000_000)


@pytest.mark.parametrize("nothing", [None, ""])
async def test_an_attribute_that_says_nothing_asks_nothing(api: httpx2.AsyncClient, nothing: str | None) -> None:
    demands = {"expectedversion": nothing, "readposition": nothing, "idempotencykey": nothing}
    assert (await send(api, cloud_event(**demands))).status_code == 201


def samples(directory: Path, mode: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(directory.glob(f"cloudevents-google/{mode}/*/*.json"))}


async def test_real_structured_events_are_taken_and_taken_once(api: httpx2.AsyncClient, shared_data: Path) -> None:
    events = samples(shared_data, "structured").values()
    assert [(await send(api, event)).status_code for event in events] == [201] * len(events)
    assert await head(api) == len(events) > 0
    assert [(await send(api, event)).status_code for event in events] == [200] * len(events)


async def test_real_binary_events_are_taken_as_they_are(api: httpx2.AsyncClient, shared_data: Path) -> None:
    events_sent = samples(shared_data, "binary")
    for name, body in events_sent.items():
        headers = {**BINARY, "ce-id": name, "Content-Type": "application/json"}
        assert (await send(api, body, headers)).status_code == 201, name
    events = (await api.get("/api/events")).json()["events"]
    assert [event["data"] for event in events] == [json.loads(body) for body in events_sent.values()]


TAGS: dict[str, list[str]] = {
    "vip": ["vip"],
    "vip,eu": ["vip", "eu"],
    " vip , eu,": ["vip", "eu"],
    "eu,vip,eu": ["eu", "vip"],
    "a%2Cb,100%25,%20c,50%": ["a,b", "100%", " c", "50%"],
    "caf%C3%A9,é": ["café", "é"],
    "": [],
    " ,": [],
    ",".join(f"t{n}" for n in range(16)): [f"t{n}" for n in range(16)],
}


@pytest.mark.parametrize("text", TAGS)
async def test_the_extension_tags_holds_names_joined_by_commas(api: httpx2.AsyncClient, text: str) -> None:
    assert (await send(api, cloud_event(tags=text))).status_code == 201
    assert (await send(api, [cloud_event(id="2", tags=text)], BATCHED)).json()["results"][0]["status"] == 201
    assert (await send(api, "", {**BINARY, "ce-id": "3", "ce-tags": quote(text, safe="")})).status_code == 201
    events = (await api.get("/api/events")).json()["events"]
    assert [event["tags"] for event in events] == [TAGS[text]] * 3
    assert [event["metadata"]["cloudevents"]["tags"] for event in events] == [text] * 3, "as any other extension"


@pytest.mark.parametrize("value", [5, True])
async def test_tags_that_are_no_text_are_an_attribute_like_others(api: httpx2.AsyncClient, value: object) -> None:
    assert (await send(api, cloud_event(tags=value))).status_code == 201
    event = await only_event(api)
    assert (event["tags"], event["metadata"]["cloudevents"]["tags"]) == ([], value)
