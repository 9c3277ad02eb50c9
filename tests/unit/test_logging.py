"""No line of the log contains a secret."""

from __future__ import annotations

import logging

from eventsite.logging import RedactingFormatter, without_secrets


def test_a_sign_in_link_is_never_logged() -> None:
    assert without_secrets("Not Found: /sign-in/abc-DEF_123/?next=/x") == "Not Found: /sign-in/…/?next=/x"
    assert "abc" not in without_secrets("GET 'http://host/sign-in/abc'")


def test_a_token_is_never_logged() -> None:
    assert without_secrets("no such token evt_aB-9_z, sorry") == "no such token evt_…, sorry"
    assert without_secrets("headers: authorization: Bearer aB-9_z") == "headers: authorization: Bearer …"


def test_a_secret_in_an_argument_or_a_traceback_is_never_logged() -> None:
    try:
        raise ValueError("evt_secret")
    except ValueError as error:
        record = logging.LogRecord(
            "x", logging.ERROR, __file__, 1, "at %s", ("/sign-in/secret",), (ValueError, error, error.__traceback__)
        )
    line = RedactingFormatter("%(message)s").format(record)
    assert "ValueError: evt_…" in line
    assert "/sign-in/secret" not in line


def test_other_words_are_left_alone() -> None:
    assert without_secrets("GET /logs/main/streams/evt-1") == "GET /logs/main/streams/evt-1"
