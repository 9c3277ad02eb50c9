"""A start that can't work ends at once, and says what to do."""

from __future__ import annotations

import socket
from io import StringIO

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from psycopg.conninfo import make_conninfo

from eventsite.database import databases
from tests.support.server import manage


def test_a_database_of_ones_own_needs_a_secret_key() -> None:
    process = manage("check", DATABASE_URL="postgresql:///mine")
    assert process.returncode
    assert "SECRET_KEY is not set" in process.stderr
    assert "token_urlsafe" in process.stderr


def test_a_setting_that_can_not_be_read_stops_the_start() -> None:
    process = manage("check", DATABASE_URL="postgresql:///mine", SECRET_KEY="x", EVENTSITE_EVENT_MAX_BYTES="1 MB")
    assert process.returncode
    assert "EVENTSITE_EVENT_MAX_BYTES is '1 MB'; it takes a whole number above 0." in process.stderr


def test_a_port_in_use_names_another(database: None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(CommandError, match=f"Port {port} is in use. Take another: PORT={port + 1} make run"):
            call_command("serve", port=port)


def test_behind_tls_cookies_and_transport_are_strict() -> None:
    variables = {"DATABASE_URL": "postgresql:///mine", "SECRET_KEY": "x"}
    strict = {"SESSION_COOKIE_SECURE = True", "CSRF_COOKIE_SECURE = True", "SECURE_HSTS_SECONDS = 31536000"}
    assert strict <= set(manage("diffsettings", **variables, EVENTSITE_TLS="1").stdout.splitlines())
    assert strict.isdisjoint(manage("diffsettings", **variables).stdout.splitlines())


def test_no_migration_is_missing(database: None) -> None:
    call_command("makemigrations", check=True, dry_run=True, stdout=StringIO())


def test_the_database_url_may_hold_all_that_libpq_understands() -> None:
    settings_read = databases("postgresql://me:secret@db:6543/events?sslmode=require&application_name=x")["default"]
    assert [settings_read[key] for key in ("NAME", "USER", "PASSWORD", "HOST", "PORT")] == [
        "events",
        "me",
        "secret",
        "db",
        "6543",
    ]
    assert settings_read["OPTIONS"]["sslmode"] == "require"
    assert databases(make_conninfo(host="/run/x", dbname="y"))["default"]["HOST"] == "/run/x"


@pytest.mark.parametrize("url", ["mysql://x/y", "postgresql://host"])
def test_a_database_url_that_can_not_be_used_is_named(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL"):
        databases(url)
