"""A database that the settings do not fit is refused at the start, and the message says what to do."""

from __future__ import annotations

import re

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from eventsite import database_checks
from tests.support.pooler import Pooler
from tests.support.server import CHECKOUT, manage

NAME_BOTH = "Let DATABASE_URL lead to Postgres itself, and name the pooler in EVENTSITE_POOLER_URL."


def refusal(*command: str, **variables: str) -> str:
    """The output of a command that must refuse to begin its work."""
    process = manage(*command, SECRET_KEY="x", **variables)
    assert process.returncode, process.stdout
    assert "Traceback" not in process.stderr
    return process.stderr


def check(**variables: str) -> str:
    return refusal("check", "--database", "default", **variables)


def test_the_tests_database_can_hold_a_log(database: None) -> None:
    assert [each for each in database_checks.database_can_hold_a_log(databases=["default"]) if each.is_serious()] == []


@pytest.mark.parametrize("page", ["README.md", "docs/operating.md"])
def test_the_oldest_postgres_is_the_same_in_the_check_and_in_the_docs(page: str) -> None:
    versions = re.findall(r"(?:Postgres|Version) (\d+) or later", (CHECKOUT / page).read_text())
    assert versions == [str(database_checks.POSTGRES_MINIMUM)]


def test_an_older_postgres_is_refused(database: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_checks, "POSTGRES_MINIMUM", 99)
    [error] = [each for each in database_checks.database_can_hold_a_log(databases=["default"]) if each.is_serious()]
    assert (error.id, error.hint) == ("eventsite.E003", "Use Postgres 99 or later.")


@pytest.mark.parametrize("command", [("serve", "--port", "0"), ("run_projections",)])
def test_a_pooler_that_is_taken_for_postgres_is_refused(pooler: Pooler, command: tuple[str, ...]) -> None:
    output = refusal(*command, DATABASE_URL=pooler.conninfo)
    assert "(eventsite.E006) DATABASE_URL leads to a pooler" in output
    assert NAME_BOTH in output


@pytest.mark.parametrize("pooler", [{"ignored": "extra_float_digits, options"}], indirect=True)
def test_a_pooler_that_drops_settings_silently_is_refused_as_well(pooler: Pooler) -> None:
    assert NAME_BOTH in check(DATABASE_URL=pooler.conninfo)


def test_a_pooler_before_another_database_is_refused(url: str, pooler: Pooler) -> None:
    elsewhere = make_conninfo(pooler.conninfo, dbname="template1")
    assert "(eventsite.E008)" in check(DATABASE_URL=url, EVENTSITE_POOLER_URL=elsewhere)


def test_compiling_behind_a_pooler_is_warned_of(url: str, pooler: Pooler) -> None:
    with psycopg.connect(url) as session:
        session.execute("set jit = on")
        compiles = session.execute("select pg_jit_available()").fetchone() == (True,)
    process = manage(
        "check", "--database", "default", DATABASE_URL=url, EVENTSITE_POOLER_URL=pooler.conninfo, SECRET_KEY="x"
    )
    assert process.returncode == 0, process.stderr
    assert ("(eventsite.W002)" in process.stderr) is compiles


@pytest.mark.parametrize("variable", ["DATABASE_URL", "EVENTSITE_POOLER_URL"])
def test_a_server_that_is_not_there_is_named_with_its_setting(url: str, variable: str) -> None:
    variables = {"DATABASE_URL": url, variable: "postgresql://u:secret-word@127.0.0.1:1/nowhere"}
    output = check(**variables)
    assert f"(eventsite.E007) {variable}: " in output
    assert "secret-word" not in output


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"EVENTSITE_POOLER_URL": "postgresql:///p"}, "EVENTSITE_POOLER_URL needs DATABASE_URL"),
        ({"DATABASE_URL": "postgresql:///p", "EVENTSITE_POOLER_URL": "postgresql:///p"}, "equals DATABASE_URL"),
        ({"DATABASE_URL": "postgresql:///d", "EVENTSITE_POOLER_URL": "mysql:///p"}, "EVENTSITE_POOLER_URL can't be"),
        ({"DATABASE_URL": "postgresql:///d", "EVENTSITE_POOLER_URL": "postgresql://h"}, "EVENTSITE_POOLER_URL names"),
        ({"DATABASE_URL": "postgresql:///d?options=-c%20x", "EVENTSITE_POOLER_URL": "postgresql:///p"}, "Options in"),
        ({"DATABASE_URL": "postgresql:///d", "EVENTSITE_POOLER_URL": "postgresql:///p?options=-c%20x"}, "Options in"),
    ],
)
def test_a_pooler_that_can_not_work_stops_the_start(variables: dict[str, str], expected: str) -> None:
    process = manage("check", SECRET_KEY="x", **variables)
    assert process.returncode
    assert expected in process.stderr.splitlines()[-1]
