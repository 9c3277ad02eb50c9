"""The kinds of columns, and the expressions by which the tables of the log are indexed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Func

from events.blocks import block

if TYPE_CHECKING:
    _TextField = models.TextField[Any, Any]
else:
    _TextField = models.TextField


class NameField(_TextField):
    """A name of the log. It is compared by bytes, so that prefixes use the index."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("db_collation", "C")
        super().__init__(**kwargs)


class JSONTextField(_TextField):
    """A `json` column that is read as the text that was sent (docs/decisions/0003), without parsing."""

    def db_type(self, connection: Any) -> str:
        return "json"

    def select_format(self, compiler: Any, sql: str, params: Any) -> tuple[str, Any]:
        return f"{sql}::text", params


class NextVal(Func):
    """The next number of a sequence."""

    function = "nextval"
    output_field = models.BigIntegerField()

    def __init__(self, sequence: str) -> None:
        super().__init__(models.Value(sequence))


def block_of(position: str) -> Func:
    """Return the block of a position (docs/decisions/0012)."""
    return Func(position, template=block("%(expressions)s"), output_field=models.IntegerField())


def second_of(time: Any) -> Func:
    """Return the beginning of the second of a time. Events of one second share a key of the index."""
    template = "date_bin('1 second', %(expressions)s, timestamptz '0001-01-01 00:00:00+00')"
    return Func(time, template=template, output_field=models.DateTimeField())
