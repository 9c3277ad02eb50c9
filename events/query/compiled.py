"""A query as a condition in SQL on the columns of the table `event`."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from django.core.exceptions import EmptyResultSet, FullResultSet
from django.db import connection
from django.db.models import Q
from django.db.models.sql import Query as DjangoQuery

from events import models
from events.query.match import Test, event_test
from events.query.orm import where
from events.query.printing import to_text
from events.query.tree import Query


@dataclass(frozen=True, eq=False)
class Compiled:
    """A query in its forms: SQL with a placeholder for each of its values, the filter of the ORM, and a matcher."""

    text: str
    values: tuple[Any, ...]
    filter: Q
    query: Query

    @property
    def named(self) -> tuple[str, dict[str, Any]]:
        """The SQL and its values by name, for a statement whose parameters have names: `q0`, `q1` and so on."""
        names = [f"q{number}" for number in range(len(self.values))]
        text = self.text.replace("%%", "%%%%") % tuple(f"%({name})s" for name in names)
        return text, dict(zip(names, self.values, strict=True))

    @cached_property
    def test(self) -> Test:
        """The function that tells whether an event fits, as the database would."""
        return event_test(self.query)


@dataclass(frozen=True, slots=True)
class _QueryText:
    """A query, compared by its text: `data.a:1` and `data.a:true` are equal as trees, since 1 is True in Python."""

    text: str
    query: Query = field(compare=False)


def compiled(query: Query) -> Compiled:
    """Return a query's forms; its times must be pinned.

    Django takes half a millisecond to compile one, so the last few are kept: further pages, long polls, live rows and
    appends need the same ones again.

    Raises:
        NotForEvents: it asks about a state.
    """
    return _compiled(_QueryText(to_text(query), query))


@lru_cache(maxsize=256)
def _compiled(query_text: _QueryText) -> Compiled:
    condition = where(query_text.query)
    events = DjangoQuery(models.Event, alias_cols=False)
    try:
        text, values = events.build_where(condition).as_sql(events.get_compiler(connection=connection), connection)
    except EmptyResultSet:
        return Compiled("false", (), condition, query_text.query)
    except FullResultSet:
        return Compiled("true", (), condition, query_text.query)
    return Compiled(text, tuple(values), condition, query_text.query)
