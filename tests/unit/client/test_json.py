"""Data is JSON, or is refused before anything is sent."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from eventsite_client import Client, NewEvent
from eventsite_client._core.json import encode


@dataclasses.dataclass
class Price:
    amount: float


class Model:
    """As those of pydantic are."""

    def __init__(self, **values: Any) -> None:
        self._values = values

    def model_dump(self, *, mode: str) -> dict[str, Any]:
        return self._values


NO_NUMBERS = [float("nan"), float("inf"), -float("inf"), Decimal("NaN"), Decimal("-Infinity")]


@pytest.mark.parametrize("number", NO_NUMBERS, ids=str)
@pytest.mark.parametrize("around", [lambda n: n, lambda n: [{"n": (n, 1)}], Price, lambda n: Model(n=n)])
def test_what_is_no_number_is_refused(number: Any, around: Any) -> None:
    with pytest.raises(ValueError, match="NaN and infinity"):
        encode({"data": around(number)})


def test_what_looks_like_no_number_is_not_refused() -> None:
    data = {"a": None, "b": "NaN", "c": [Decimal("1.50"), Price(1.0), Model(n=None), msgspec.Raw(b"null")], "d": "null"}
    text = b'{"a":null,"b":"NaN","c":[1.50,{"amount":1.0},{"n":null},null],"d":"null"}'
    assert encode(data) == text


def test_half_of_a_pair_of_surrogates_is_refused_with_the_text_around_it() -> None:
    with pytest.raises(ValueError, match="holds half of a pair") as caught:
        encode({"text": f"{'a' * 100}\ud83d{'b' * 100}"})
    assert "a\\ud83db" in str(caught.value)
    assert len(str(caught.value)) < 150


@pytest.mark.parametrize("data", [float("nan"), "\ud83d", object()])
def test_such_an_event_is_neither_appended_nor_logged(data: Any) -> None:
    client = Client("http://127.0.0.1:9", "evt_x")
    with pytest.raises((TypeError, ValueError)):
        client.append("s", NewEvent("A", data))
    with pytest.raises((TypeError, ValueError)):
        client.log("s", NewEvent("A", data))
    assert client.logged == (0, 0, 0, 0, 0)
