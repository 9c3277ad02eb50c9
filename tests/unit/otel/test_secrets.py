"""Secrets in addresses, headers of HTTP calls and commands never become a part of an event."""

from __future__ import annotations

import time

import pytest

from events.otel.secrets import hide
from events.otel.spans import Value
from events.otel.wire import divide_records, divide_spans, records_of, spans_of
from tests.support.otel import export, new_trace, records, span


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://models.example/v1?key=AIza-1&alt=sse", "https://models.example/v1?key=REDACTED&alt=sse"),
        ("https://x/?a=1&api_key=s#top", "https://x/?a=1&api_key=REDACTED#top"),
        ("https://x/?X-Amz-Signature=s&X-Amz-Date=5", "https://x/?X-Amz-Signature=REDACTED&X-Amz-Date=5"),
        ("https://x/?ACCESS_TOKEN=s&sig=t&code=u", "https://x/?ACCESS_TOKEN=REDACTED&sig=REDACTED&code=REDACTED"),
        ("https://ann:secret@x/path@5", "https://REDACTED@x/path@5"),
        ("token=s&page=2", "token=REDACTED&page=2"),
        ("https://x/key=5?keys=7&monkey_business=1&tokens=9", "https://x/key=5?keys=7&monkey_business=1&tokens=9"),
        ("https://x/?q=a+b", "https://x/?q=a+b"),
        ("https://x/b?access_token=ab;api-key=c", "https://x/b?access_token=REDACTED;api-key=REDACTED"),
        ("https://x/@ada/notes", "https://x/@ada/notes"),
        ("https://x/?AWSAccessKeyId=s&Expires=5", "https://x/?AWSAccessKeyId=REDACTED&Expires=5"),
    ],
)
def test_secrets_in_an_address_are_hidden_and_the_rest_is_kept(address: str, shown: str) -> None:
    for key in ("url.full", "url.original", "http.url", "url.query", "db.connection_string"):
        one = span(new_trace(), 1)
        one.attributes.add(key=key).value.string_value = address
        [piece] = divide_spans(export(one)).pieces
        [read] = spans_of(piece.body)
        assert read.attributes == {key: shown}


def test_headers_that_give_access_are_hidden_whatever_they_hold() -> None:
    attributes: dict[str, Value] = {
        "http.request.header.authorization": ["Bearer s"],
        "http.request.header.accept": ["text/html"],
        "http.request.header.x_api_key": ["s"],
        "http.request.header.x-goog-api-key": ["s"],
        "http.response.header.set_cookie": ["s"],
        "rpc.request.metadata.authorization": "Bearer s",
        "server.address": "ann:secret@x",
    }
    hide(attributes)
    assert attributes == {
        "http.request.header.authorization": "REDACTED",
        "http.request.header.accept": ["text/html"],
        "http.request.header.x_api_key": "REDACTED",
        "http.request.header.x-goog-api-key": "REDACTED",
        "http.response.header.set_cookie": "REDACTED",
        "rpc.request.metadata.authorization": "REDACTED",
        "server.address": "ann:secret@x",
    }


def test_an_error_that_quotes_an_address_does_not_tell_its_secrets() -> None:
    said = "401 Unauthorized for url 'https://models.example/v1?key=AIza-1'\nhttps://ann:secret@x/"
    one = span(new_trace(), 1)
    one.status.message = said
    one.attributes.add(key="error.message").value.string_value = said
    event = one.events.add(name="exception")
    event.attributes.add(key="exception.message").value.string_value = said
    event.attributes.add(key="exception.stacktrace").value.string_value = said
    [piece] = divide_spans(export(one)).pieces
    [read] = spans_of(piece.body)
    shown = "401 Unauthorized for url 'https://models.example/v1?key=REDACTED'\nhttps://REDACTED@x/"
    assert read.status_message == shown
    assert read.attributes == {"error.message": shown}
    assert read.events[0].attributes == {"exception.message": shown, "exception.stacktrace": shown}


def test_resources_tell_no_secrets() -> None:
    spans = export(span(new_trace(), 1))
    resource = spans.resource_spans[0].resource
    resource.attributes.add(key="http.url").value.string_value = "https://x/?key=s"
    resource.attributes.add(key="service.version").value.string_value = "2"
    [piece] = divide_spans(spans).pieces
    [read] = spans_of(piece.body)
    assert read.resource["http.url"] == "https://x/?key=REDACTED"
    assert read.resource["service.version"] == "2"


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["node", "run.js", "--Token", "s t", "--keys", "v"], ["node", "run.js", "--Token", "REDACTED", "--keys", "v"]),
        (["--key=u", "token", "-auth", "s"], ["--key=REDACTED", "token", "-auth", "REDACTED"]),
        (["https://u:s@h/x?token=abc&page=2"], ["https://REDACTED@h/x?token=REDACTED&page=2"]),
        (["--url=postgres://ann:u@h/db"], ["--url=postgres://REDACTED@h/db"]),
        (["-H", "Authorization: Bearer s t", "-v"], ["-H", "Authorization: REDACTED", "-v"]),
        (["--header=x-api-key:s"], ["--header=x-api-key:REDACTED"]),
        (["env", "OPENAI_API_KEY=sk-1", "PGPASSWORD=x", "A=b"],
         ["env", "OPENAI_API_KEY=REDACTED", "PGPASSWORD=REDACTED", "A=b"]),
        (["sh", "-c", "run --token s t"], ["sh", "-c", "run --token REDACTED"]),
        (["sh", "-c", "run $(A_KEY=s x) 'B_TOKEN=t' y"], ["sh", "-c", "run $(A_KEY=REDACTED"]),
        (['{"user": "ann", "api_key": "s"}'], ['{"user": "ann", "api_key": REDACTED']),
        (["--key", 5, None, 7], ["--key", "REDACTED", None, 7]),
        (["--token", "--auth", "s", "monkey", "--key"], ["--token", "REDACTED", "REDACTED", "monkey", "--key"]),
    ],
)  # fmt: skip
def test_arguments_that_give_access_are_hidden(arguments: list[Value], shown: list[Value]) -> None:
    attributes: dict[str, Value] = {"process.command_args": arguments, "process.command": "python"}
    hide(attributes)
    assert attributes == {"process.command_args": shown, "process.command": "python"}


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("python run.py --verbose --keys 5 https://h/x?page=2", "python run.py --verbose --keys 5 https://h/x?page=2"),
        (
            "python run.py https://u:s@h/?key=t --key=s -v",
            "python run.py https://REDACTED@h/?key=REDACTED --key=REDACTED",
        ),
        ('python run.py --token "a b" -v', "python run.py --token REDACTED"),
        ("python run.py --token  a b", "python run.py --token  REDACTED"),
        ("python run.py --auth=xx", "python run.py --auth=REDACTED"),
        ('curl --header "Authorization: Bearer s" x', 'curl --header "Authorization: REDACTED'),
        ("curl -H Authorization: Bearer s x", "curl -H Authorization: REDACTED"),
        ("curl -H 'X: Bearer s'", "curl -H 'X: Bearer REDACTED"),
        ("OPENAI_API_KEY=sk-1 python run.py", "OPENAI_API_KEY=REDACTED"),
        ("python run.py --token", "python run.py --token"),
    ],
)
def test_a_command_line_is_told_up_to_what_gives_access(line: str, shown: str) -> None:
    attributes: dict[str, Value] = {"process.command_line": line}
    hide(attributes)
    assert attributes == {"process.command_line": shown}


def test_a_command_may_be_of_any_kind() -> None:
    attributes: dict[str, Value] = {"process.command_args": "run --key s", "process.command_line": 5}
    hide(attributes)
    assert attributes == {"process.command_args": "run --key REDACTED", "process.command_line": 5}


def test_bodies_of_log_records_tell_no_secrets_however_deep() -> None:
    logs = records(new_trace(), "gen_ai.user.message")
    fields = logs.resource_logs[0].scope_logs[0].log_records[0].body.kvlist_value.values
    fields.add(key="content").value.string_value = "look at https://x/?key=s"
    fields.add(key="url.full").value.string_value = "https://x/?key=s"
    inner = fields.add(key="parts").value.array_value.values.add().kvlist_value.values
    inner.add(key="http.request.header.cookie").value.string_value = "s"
    [piece] = divide_records(logs).pieces
    [read] = records_of(piece.body)
    assert read.body == {
        "content": "look at https://x/?key=s",  # what is said to a model is told as it is
        "url.full": "https://x/?key=REDACTED",
        "parts": [{"http.request.header.cookie": "REDACTED"}],
    }


def test_a_long_address_takes_time_in_proportion() -> None:
    start = time.perf_counter()
    hide({"process.command_line": "--key " * 50_000, "process.command_args": ["--" + "key-" * 50_000]})
    for part in ("?key", "&a=key", "://a", "key-", "?" + "k" * 9):
        hide({"url.full": part * 50_000})
    for part in ("key ", "-", "-key", "'", "bearer", "a,"):
        hide({"process.command_line": part * 50_000})
    hide({"process.command_line": "--key" + " " * 50_000, "process.command_args": ["key" + " " * 50_000]})
    assert time.perf_counter() - start < 5
