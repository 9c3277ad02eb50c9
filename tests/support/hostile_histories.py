"""Events as a hostile or broken agent might append them; the log takes them all."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from projections.definition.projection import MAX_KEY_CHARACTERS
from projections.registry import PROJECTIONS
from projections.values.change import Json
from tests.support.histories import History
from tests.support.json_values import VALUES

_FIELDS = tuple(
    """
    action agent amount answer args arguments attempt by call_id cause charge claimed code command content cost
    currency customer depot detail duration_ms error exit_code expected_actions final_thought finish_reason
    input_tokens instruction is_correct items kwargs label ledger load message messages minutes model name order
    output path question read reason result role score status stops target task text thought title tool_calls total
    type url value van weight_kg workflow
    """.split()  # noqa: SIM905 - a list of that many lines says no more
)
"""Names that the catalogue looks for in data, and similar names."""
_ODD_TEXTS = (
    "order-a\nb",
    "order-\x7f",
    "order-" + "x" * MAX_KEY_CHARACTERS,
    "order-1",
    "",
    "FINAL ANSWER: ",
    "# General Task",
    "exitcode: ²",
    "1. a\n2. b\n3. b",
    "| a | b |\n| - | - |\n| c | 1 |\n| d | ² |",
    "top ٣ of both",
    "\u202e\u2028",
    "__class__",
)
_STEMS = ("", "order.", "payment.", "Order", "agent.", "action.", "observation.", "run.", "x ")
_WORDS = ("started", "failed", "completed", "retried", "message", "called", "returned", "Assigned", "finish", "²", "*")
_NAMES = st.sampled_from(["a", "order-1", "order-a", "s", "-", "x" * 200, "a/b (-> X)", "\u202e"])
_TIMES = st.sampled_from(
    [
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(2026, 1, 1, tzinfo=UTC),
    ]
)
_TEXTS = st.sampled_from(_ODD_TEXTS)
_VALUES: st.SearchStrategy[Json] = st.one_of(
    VALUES,
    _TEXTS,
    st.lists(_TEXTS | VALUES, max_size=4),
    st.dictionaries(st.sampled_from(_FIELDS), _TEXTS | VALUES, max_size=4),
    st.integers(-(10**900), 10**900),
)
_DATA: st.SearchStrategy[Json] = _VALUES | st.dictionaries(st.sampled_from(_FIELDS), _VALUES, max_size=8)


def _types() -> list[str]:
    """The types that the catalogue handles, and types of common words."""
    declared = {type for each in PROJECTIONS.values() for type in each.handlers}
    return sorted({re.sub(r"\*", "x", type) for type in declared} | {stem + word for stem in _STEMS for word in _WORDS})


@st.composite
def histories(draw: st.DrawFn) -> History:
    """A few events, in a few streams, of any types and with any data."""
    history = History()
    optional = st.none() | _NAMES
    for _ in range(draw(st.integers(1, 8))):
        fields: dict[str, Any] = {
            "agent": draw(optional),
            "correlation_id": draw(optional),
            "causation_id": draw(st.none() | st.sampled_from(["1", "2", "gone"])),
            "occurred_at": draw(st.none() | _TIMES),
            "expected_version": draw(st.sampled_from([None, -1, 0, 1])),
            "read_position": draw(st.sampled_from([None, 0, 1, 2**63 - 1])),
        }
        history.say(draw(st.sampled_from(_types())), draw(_DATA), stream=draw(_NAMES), **fields)
    return history
