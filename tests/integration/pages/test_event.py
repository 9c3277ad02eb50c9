"""The page of one event."""

from __future__ import annotations

import html
import json
import re

import pytest
from django.test import Client
from pytest_django.fixtures import DjangoAssertNumQueries

from events import redaction
from events.models import Log
from tests.support.fixture_types import AppendEvents
from tests.support.pages import positions


def test_cause_and_effects_lead_to_their_events(viewer: Client, append: AppendEvents, at: str) -> None:
    append("a", {"id": "first"}, {"id": "second", "causation_id": "first"}, {"causation_id": "second"})
    page = viewer.get(f"{at}events/2").content.decode()
    assert re.findall(r'<ol class="chainlist">\s*<li><a href="([^"]+)"', page) == [f"{at}events/1", f"{at}events/3"]


def test_a_tag_leads_to_the_events_with_it(viewer: Client, append: AppendEvents, at: str) -> None:
    append("a", {"tags": ["vip", 'a "b" <c>']}, {"tags": ["vip"]}, {})
    page = viewer.get(f"{at}events/1").content.decode()
    urls = re.findall(r'<a class="tag" href="([^"]+)"><bdi>', page)
    assert [positions(viewer.get(html.unescape(url)).content.decode()) for url in urls] == [[2, 1], [1]]
    assert "<dt>tags</dt>" not in viewer.get(f"{at}events/3").content.decode()


def test_a_cause_that_is_not_in_the_log_is_named_as_missing(viewer: Client, append: AppendEvents, at: str) -> None:
    append("a", {"causation_id": "elsewhere-7"})
    page = viewer.get(f"{at}events/1").content.decode()
    assert "No event of this log has the id" in page
    assert "elsewhere-7" in page


def test_neighbours_are_those_along_each_way(viewer: Client, append: AppendEvents, at: str) -> None:
    append("a", {"type": "A", "agent": "x", "correlation_id": "w"})
    append("b", {"type": "B", "agent": "x", "correlation_id": "w"})
    append("a", {"type": "A", "agent": "x", "correlation_id": "w"}, {"type": "A"})
    append("b", {"type": "A", "agent": "x"})
    page = viewer.get(f"{at}events/3").content.decode()
    assert re.findall(r'href="[^"]*/events/(\d+)" aria-label="([^:]+):', page) == [
        ("2", "Previous in the log"),
        ("4", "Next in the log"),
        ("1", "Previous in the stream"),
        ("4", "Next in the stream"),
        ("2", "Previous in the workflow"),
        ("2", "Previous by the agent"),
        ("5", "Next by the agent"),
        ("1", "Previous of the type"),
        ("4", "Next of the type"),
    ]


def test_a_row_opens_to_a_part_whose_links_go_by_the_events_own_page(
    viewer: Client, append: AppendEvents, at: str
) -> None:
    append("a", {"correlation_id": "w", "data": json.dumps({"content": "word " * 400}).encode()})
    part = viewer.get(f"{at}events/1", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part
    assert f'href="{at}events/1?text=%2Fcontent"' in part
    assert f'data-copy-link="{at}events/1"' in part
    assert f'data-copy-from="{at}events/1?format=json"' in part
    assert f'href="{at}workflows/w/"' in part
    assert 'href="?' not in part


def test_the_first_and_only_event_has_no_neighbours(viewer: Client, append: AppendEvents, at: str) -> None:
    append("a", {})
    page = viewer.get(f"{at}events/1").content.decode()
    assert 'aria-label="Previous' not in page
    assert 'aria-label="Next' not in page


LONG_TEXTS = [("data", "text"), ("metadata", "metadata_text")]


@pytest.mark.parametrize(("field", "parameter"), LONG_TEXTS)
def test_a_long_text_is_folded_and_unfolds_on_demand(
    field: str, parameter: str, viewer: Client, append: AppendEvents, at: str
) -> None:
    text = "".join(f"{n:08d}" for n in range(11_000))
    append("a", {field: json.dumps({"content": text}).encode()})
    page = viewer.get(f"{at}events/1").content.decode()
    assert len(page) < 40_000
    assert "First 1,200 of 88,000 characters" in page
    url = f"{at}events/1?{parameter}=/content"
    assert f'hx-get="{url.replace("/content", "%2Fcontent")}"' in page
    assert text in viewer.get(url).content.decode()
    part = viewer.get(url, headers={"HX-Request": "true"}).content.decode()
    assert text in part
    assert "<html" not in part


@pytest.mark.parametrize(("field", "parameter"), LONG_TEXTS)
def test_a_text_that_is_not_there_is_a_404(
    field: str, parameter: str, viewer: Client, append: AppendEvents, at: str
) -> None:
    append("a", {field: b'{"n": 1}'})
    for pointer in ("/nope", "/n", "nonsense"):
        answer = viewer.get(f"{at}events/1", {parameter: pointer}, headers={"HX-Request": "true"})
        assert answer.status_code == 404


def test_large_data_comes_part_by_part(viewer: Client, append: AppendEvents, at: str) -> None:
    many = {f"k{n}": "x" * 100 for n in range(300)}
    append("a", {"data": json.dumps({"many": many, "other": {"few": 1, "big": many}}).encode()})
    url = f"{at}events/1"
    page = viewer.get(url).content.decode()
    assert ">k7<" not in page
    assert f'hx-get="{url}?part=%2Fmany"' in page
    assert f'href="{url}?in=%2Fmany"' in page
    inner = viewer.get(url, {"part": "/other"}, headers={"HX-Request": "true"}).content.decode()
    assert ">few<" in inner
    assert f'hx-get="{url}?part=%2Fother%2Fbig"' in inner
    part = viewer.get(url, {"part": "/other/big"}, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part
    assert (part.count('class="key"'), "tree-row d2" in part) == (100, True)
    assert f'hx-get="{url}?part=%2Fother%2Fbig&amp;skip=100"' in part
    alone = viewer.get(url, {"in": "/other/big", "skip": "250"}).content.decode()
    assert (">k299<" in alone, ">k249<" in alone, ">few<" in alone) == (True, False, False)
    assert viewer.get(url, {"in": "/nothing"}).status_code == 404
    replay = viewer.get(f"{at}replay/stream/a/1").content.decode()
    assert f'hx-get="{url}?part=%2Fmany"' in replay[replay.index('id="event"') :]
    assert len(page) < 40_000


def test_the_json_twin_is_the_event_as_it_was_sent(viewer: Client, append: AppendEvents, at: str) -> None:
    data = b'{"n": 1208925819614629174706176, "d": 0.12345678901234567890}'
    append("a", {"data": data, "metadata": b'{"m": 1e5}'})
    answer = viewer.get(f"{at}events/1?format=json")
    assert answer["Content-Type"] == "application/json"
    assert data in answer.content
    assert json.loads(answer.content)["position"] == 1


def test_digits_reach_the_page_as_they_were_sent(viewer: Client, append: AppendEvents, at: str) -> None:
    append("a", {"data": b'{"n": 1208925819614629174706176, "d": 0.12345678901234567890}'})
    page = viewer.get(f"{at}events/1").content.decode()
    assert ">1208925819614629174706176<" in page
    assert ">0.12345678901234567890<" in page


@pytest.mark.parametrize("page", ["events/1", "replay/stream/a/1"])
def test_a_redacted_event_says_who_emptied_it_and_why(
    viewer: Client, append: AppendEvents, at: str, log: Log, page: str
) -> None:
    append("a", {"data": b'"secret"'}, {"data": b"null"})
    redaction.redact(log.pk, 1, reason="a <b>password</b>", by="ada")
    page_text = viewer.get(at + page).content.decode()
    assert "secret" not in page_text
    assert "<b>Redacted</b> by <bdi>ada</bdi>, " in page_text
    assert f'<bdi>a &lt;b&gt;password&lt;/b&gt;</bdi> <a class="link" href="{at}events/3">#3</a>' in page_text
    assert "Redacted" not in viewer.get(at + page.replace("1", "2")).content.decode()


def test_an_event_costs_a_fixed_number_of_queries(
    viewer: Client, append: AppendEvents, at: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    append("a", {"id": "1"}, *[{"causation_id": "1"}] * 30)
    # session, user, membership with its log; letters to decide; the event, its effects, its neighbours along four ways;
    # once a process: the numbers of types
    with django_assert_num_queries(8):
        page = viewer.get(f"{at}events/1")
    assert "the first 20" in page.content.decode()
    # and its cause
    with django_assert_num_queries(8):
        viewer.get(f"{at}events/2")
    # as a part that a row opens to, the event has no neighbours
    with django_assert_num_queries(6):
        viewer.get(f"{at}events/2", headers={"HX-Request": "true"})


def _event(data: object, cut: object) -> dict[str, bytes]:
    return {"data": json.dumps(data).encode(), "metadata": json.dumps({"cut": cut}).encode()}


def test_a_value_that_was_cut_says_how_large_it_was(viewer: Client, append: AppendEvents, at: str) -> None:
    cut = {
        "/plan": {"bytes": 40_960},
        "/orders": {"items": 80_000},
        "/a~1b": {"replaced": "characters that can't be kept"},
        "/other": "<b>",
    }
    data = {"plan": "go " * 50, "orders": [1, 2], "a/b": "x", "other": 1, "whole": 2}
    append("a", _event(data, cut), _event({}, "<i>"), {})
    page = viewer.get(f"{at}events/1").content.decode()
    notes = re.findall(r'<span class="was-cut">(.*?)</span>', page)
    assert notes == ["cut, was 40,960 bytes", "cut, was 80,000 items", "some characters replaced"]
    for position in (2, 3):
        assert "was-cut" not in viewer.get(f"{at}events/{position}").content.decode()


def test_a_part_that_is_opened_later_tells_what_was_cut(viewer: Client, append: AppendEvents, at: str) -> None:
    data = {"orders": [{"id": number, "text": "t" * 50} for number in range(2_000)]}
    append("a", _event(data, {"/orders/3/text": {"bytes": 900}}))
    page = viewer.get(f"{at}events/1", {"part": "/orders"}, headers={"HX-Request": "true"}).content.decode()
    assert re.findall(r'<span class="was-cut">(.*?)</span>', page) == ["cut, was 900 bytes"]
