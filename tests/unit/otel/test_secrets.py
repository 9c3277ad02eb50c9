"""Secrets in the addresses and headers of HTTP calls never become a part of an event."""

from __future__ import annotations

import time

import pytest

from events.otel.secrets import hide
from events.otel.spans import Value
from events.otel.wire import divide_spans, spans_of
from tests.support.otel import export, new_trace, span


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
    ],
)
def test_secrets_in_an_address_are_hidden_and_the_rest_is_kept(address: str, shown: str) -> None:
    for key in ("url.full", "http.url", "url.query"):
        one = span(new_trace(), 1)
        one.attributes.add(key=key).value.string_value = address
        [piece] = divide_spans(export(one)).pieces
        [read] = spans_of(piece.body)
        assert read.attributes == {key: shown}


def test_headers_that_give_access_are_hidden_whatever_they_hold() -> None:
    attributes: dict[str, Value] = {
        "http.request.header.authorization": ["Bearer s"],
        "http.request.header.accept": ["text/html"],
        "server.address": "ann:secret@x",
    }
    hide(attributes)
    assert attributes == {
        "http.request.header.authorization": "REDACTED",
        "http.request.header.accept": ["text/html"],
        "server.address": "ann:secret@x",
    }


def test_a_long_address_takes_time_in_proportion() -> None:
    start = time.perf_counter()
    for part in ("?key", "&a=key", "://a", "key-", "?" + "k" * 9):
        hide({"url.full": part * 200_000})
    assert time.perf_counter() - start < 5
