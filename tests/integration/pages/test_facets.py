"""The most frequent values of a log are beside its timeline, as links that narrow the query."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.test import Client

from events.models import Log
from projections.catalog.counts import counts
from tests.support.fixture_types import AppendEvents
from tests.support.running import settle

ODD = 'a:b "c" <d>'


@pytest.fixture
def filled(log: Log, append: AppendEvents) -> Log:
    append("s", *[{"type": "Placed", "agent": "shop"}] * 3, {"type": "Paid", "agent": ODD}, {"type": "Paid"})
    return log


def facets_of(client: Client, url: str) -> dict[str, tuple[int, bool, str]]:
    """The facets by name: the number of events, whether the query asks for the facet, and the address of its link."""
    page = client.get(url).content.decode()
    links = re.findall(
        r'id="facet-\w+-\d+" href="([^"]+)"[^>]*?( aria-current="true")? title="([^"]+)">(.*?)</a>', page
    )
    counted = {unescape(name): int(re.findall(r'mono">(\d+)<', body)[0]) for _, _, name, body in links}
    return {
        unescape(name): (counted[unescape(name)], bool(is_asked), unescape(href)) for href, is_asked, name, _ in links
    }


def rows(client: Client, at: str, query: str) -> list[int]:
    page = client.get(at + query).content.decode()
    return [int(position) for position in re.findall(r'data-position="(\d+)"', page)]


def test_names_stand_with_their_counts_and_narrow_the_query(viewer: Client, at: str, filled: Log) -> None:
    assert facets_of(viewer, at) == {}
    settle(filled, counts)
    facets = facets_of(viewer, at)
    assert {name: (events, is_asked) for name, (events, is_asked, _) in facets.items()} == {
        "Placed": (3, False),
        "Paid": (2, False),
        "shop": (3, False),
        ODD: (1, False),
    }
    assert list(facets) == ["Placed", "Paid", "shop", ODD]
    assert rows(viewer, at, facets[ODD][2]) == [4]
    assert rows(viewer, at, facets["Paid"][2]) == [5, 4]


def test_a_name_takes_the_place_of_another_of_its_kind_and_goes_when_it_is_asked_for(
    viewer: Client, at: str, filled: Log
) -> None:
    settle(filled, counts)
    facets = facets_of(viewer, f"{at}?q=type:Paid+-agent:shop+s")
    assert [name for name, (_, is_asked, _) in facets.items() if is_asked] == ["Paid"]
    assert facets["Placed"][2] == "?q=-agent%3Ashop+s+type%3APlaced"
    assert facets["Paid"][2] == "?q=-agent%3Ashop+s"
    assert facets[ODD][2].startswith("?q=type%3APaid+-agent%3Ashop+s+agent%3A")
