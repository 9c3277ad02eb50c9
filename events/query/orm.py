"""A query as a filter of the ORM: parameters only, with the same answer as the matcher's (`match.py`).

Every condition is true or false. SQL has a third answer, for a value that is null or of another type. Under AND, OR and
WHERE it counts as false, and NOT is pushed down to single conditions, where it is `IS NOT TRUE`. So Django recurses no
deeper than the ANDs and ORs of a query are nested.
"""

from __future__ import annotations

from typing import Any

from django.db.models import BooleanField, Func, JSONField, Q, TextField, Value
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast, Coalesce, StrIndex
from django.db.models.lookups import GreaterThan, GreaterThanOrEqual, LessThan

from events.query import jsonpath, tree
from events.query.prefix import begins_with
from events.query.reading import escape_marker, folded, pinned, refuse_state
from events.query.tree import Name, Path, Pattern, Query
from events.sql import BETWEEN, FOLDED_TEXT, IN_STRINGS, TAG_LIKE
from events.system_streams import PREFIX

_COLUMNS = {
    Name.TYPE: "type",
    Name.AGENT: "agent",
    Name.STREAM: "stream",
    Name.CORRELATION: "correlation_id",
    Name.CAUSE: "causation_id",
    Name.ID: "id",
    Name.TAG: "tags",
}


class _Infix(Func):
    """`left operator right`, each side an expression."""

    template = "(%(expressions)s)"
    output_field = BooleanField()

    def __init__(self, left: Any, operator: str, right: Any) -> None:
        super().__init__(left, right, arg_joiner=f" {operator} ")


class _IsNotTrue(Func):
    template = "(%(expressions)s) IS NOT TRUE"
    output_field = BooleanField()


# These are values because Django drops an empty Q, and empties a whole filter when a part of it can't match.
_NOTHING, _EVERYTHING = (Q(Value(answer, output_field=BooleanField())) for answer in (False, True))


def where(query: Query) -> Q:
    """Return the query as a filter on `models.Event`; its times must be pinned.

    Raises:
        NotForEvents: it asks about a state.
    """
    refuse_state(query)
    return _filter_of(query, answer=True)


def _filter_of(query: Query, *, answer: bool) -> Q:
    """Return the filter for rows at which the query is true, or with `answer=False` those at which it is not."""
    match query:
        case tree.Not(part):
            return _filter_of(part, answer=not answer)
        case tree.And(parts) | tree.Or(parts):
            conditions = [_filter_of(part, answer=answer) for part in parts]
            if isinstance(query, tree.And) is answer:
                return Q(*conditions) if conditions else _EVERYTHING
            return Q(*conditions, _connector=Q.OR) if conditions else _NOTHING
        case _:
            condition = _leaf_filter(query)
            return condition if answer else Q(_IsNotTrue(condition))


def _leaf_filter(leaf: tree.Leaf) -> Q:
    match leaf:
        case tree.Named(name, pattern):
            return _named_filter(name, pattern)
        case tree.Numbered(number, low, high):
            bounds = {f"{number}__gte": low, f"{number}__lte": high}
            return Q(**{bound: end for bound, end in bounds.items() if end is not None})
        case tree.Since(time):
            return Q(GreaterThanOrEqual(_shown_time(), pinned(time)))
        case tree.Until(time):
            return Q(LessThan(_shown_time(), pinned(time)))
        case tree.System(value):
            is_of_server = begins_with("stream", PREFIX)
            return is_of_server if value else ~is_of_server
        case tree.Has(name_or_path):
            return _has_filter(name_or_path)
        case tree.Text(text):
            return _text_filter(text)
        case tree.Like(path) | tree.Equals(path) | tree.Compares(path) | tree.Between(path):
            return Q(_Infix(_as_jsonb(path.root), "@@", _jsonpath(jsonpath.value_predicate(leaf))))
    raise AssertionError(leaf)


def _has_filter(name_or_path: Name | Path) -> Q:
    if isinstance(name_or_path, Path):
        return Q(_Infix(_as_jsonb(name_or_path.root), "@?", _jsonpath(jsonpath.exists(name_or_path))))
    if name_or_path is Name.CATEGORY:
        return Q(_like_filter("stream", "_%-%"), ~Q(stream__startswith="-"))
    return Q(**{f"{_COLUMNS[name_or_path]}__isnull": False})


def _named_filter(name: Name, pattern: Pattern) -> Q:
    if name is Name.CATEGORY:
        return _category_filter(pattern)
    return _tag_filter(pattern) if name is Name.TAG else _name_filter(_COLUMNS[name], pattern)


def _name_filter(column: str, pattern: Pattern) -> Q:
    if pattern.exact is not None:
        return Q(**{column: pattern.exact})
    prefix_condition = begins_with(column, pattern.pieces[0])
    return (
        prefix_condition
        if pattern.prefix is not None
        else prefix_condition & Q(_like_filter(column, like_pattern(pattern)))
    )


def _category_filter(pattern: Pattern) -> Q:
    """Return the condition on a stream's category: the part before its first -, if that part is not empty."""
    if pattern.exact is not None:
        is_category = pattern.exact and "-" not in pattern.exact
        return begins_with("stream", f"{pattern.exact}-") if is_category else _NOTHING
    category = Func("stream", Value("-"), Value(1), function="split_part", output_field=TextField())
    return (
        _has_filter(Name.CATEGORY)
        & begins_with("stream", pattern.pieces[0])
        & Q(_like_filter(category, like_pattern(pattern)))
    )


def _tag_filter(pattern: Pattern) -> Q:
    """Return the condition that one of an event's tags fits. It reads no index: a search adds that (`scan`)."""
    if pattern.exact is not None:
        return Q(tags__contains=[pattern.exact])
    if pattern.prefix == "":
        return _has_filter(Name.TAG)
    return Q(RawSQL(TAG_LIKE, (like_pattern(pattern),), output_field=BooleanField()))  # noqa: S611  # a constant


def _like_filter(text: Any, pattern: str) -> _Infix:
    return _Infix(text, "LIKE", Value(pattern))


def like_pattern(pattern: Pattern) -> str:
    """Return a text with wildcards as a pattern of LIKE."""
    pieces = [piece.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") for piece in pattern.pieces]
    return "%".join(pieces)


def _shown_time() -> Coalesce:
    return Coalesce("occurred_at", "recorded_at")


def _as_jsonb(root: str) -> Cast:
    return Cast(root, JSONField())


def _jsonpath(text: str) -> Func:
    return Func(Value(text), template="%(expressions)s::jsonpath")


def _text_filter(text: str) -> Q:
    """Return the condition that a name contains the text, or the JSON does.

    The JSON text is searched as it is; where it holds escapes, its strings and keys are searched too.
    """
    values = (like_pattern(Pattern(("", escape_marker(text), ""))), jsonpath.any_string(text))
    in_strings = Q(RawSQL(IN_STRINGS, values * 2, output_field=BooleanField()))  # noqa: S611  # constants
    if BETWEEN in text:
        return in_strings
    place = StrIndex(RawSQL(FOLDED_TEXT, (), output_field=TextField()), Value(folded(text).decode()))  # noqa: S611
    return Q(GreaterThan(place, 0)) | in_strings
