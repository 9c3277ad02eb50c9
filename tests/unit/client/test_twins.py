"""The two clients are alike to the letter."""

from __future__ import annotations

import importlib.util
import inspect
import re
from typing import Any

import pytest

import eventsite_client
from tests.support.server import CHECKOUT

_spec = importlib.util.spec_from_file_location("twin", CHECKOUT / "client" / "twin.py")
assert _spec is not None
assert _spec.loader is not None
twin = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(twin)

TWINS = [name for name in eventsite_client.__all__ if f"Async{name}" in eventsite_client.__all__]
MEMBERS = [
    (name, member)
    for name in TWINS
    for member in dir(getattr(eventsite_client, name))
    if not member.startswith("_") or member == "__init__"
]


def in_words_of_threads(text: str) -> str:
    """Return a text about the client for asyncio as one about the client for threads."""
    text = re.sub(r"\b(await|async) |\bAsync|(?<=\.)_async", "", text).replace("_sync", "")
    return re.sub(r"\bAwaitable\[(\w+)\]", r"\1", text)


def test_the_modules_for_threads_are_what_the_script_makes() -> None:
    made = twin.twins()
    assert {path.name for path in made} | twin.BY_HAND == {path.name for path in (twin.PACKAGE / "_sync").glob("*.py")}
    assert [path.name for path, source in made.items() if path.read_text(encoding="utf-8") != source] == []


def test_every_public_class_that_sends_has_a_twin() -> None:
    assert {"Client", "Attempt", "Decision", "Events", "Follower"} <= set(TWINS)
    alone = [name for name in eventsite_client.__all__ if name.startswith("Async") and name[5:] not in TWINS]
    assert alone == []


@pytest.mark.parametrize("name", TWINS)
def test_twins_have_the_same_members(name: str) -> None:
    one, other = getattr(eventsite_client, name), getattr(eventsite_client, f"Async{name}")

    def public(kind: type) -> set[str]:
        return {"close" if member == "aclose" else member for member in dir(kind) if not member.startswith("_")}

    assert public(one) == public(other)


@pytest.mark.parametrize(("name", "member"), MEMBERS)
def test_twins_have_the_same_signatures_and_docstrings(name: str, member: str) -> None:
    one = getattr(getattr(eventsite_client, name), member)
    other = getattr(getattr(eventsite_client, f"Async{name}"), "aclose" if member == "close" else member)
    assert _signature(one) == in_words_of_threads(_signature(other))
    assert (inspect.getdoc(one) or "") == in_words_of_threads(inspect.getdoc(other) or "")


def _signature(member: Any) -> str:
    function = member.fget if isinstance(member, property) else member
    return str(inspect.signature(function)) if inspect.isfunction(function) else ""
