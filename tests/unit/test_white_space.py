"""The white space of a template that reaches the page."""

from __future__ import annotations

import pytest
from jinja2 import DictLoader, Environment

from eventsite.jinja.white_space import LineBreaks


def rendered(source: str, **context: object) -> str:
    jinja = Environment(loader=DictLoader({"page": source}), extensions=[LineBreaks], autoescape=True)
    return jinja.get_template("page").render(context)


@pytest.mark.parametrize(
    ("source", "page"),
    [
        ("<ul>\n  <li>one</li>\n  <li>two</li>\n</ul>\n", "<ul><li>one</li><li>two</li></ul>"),
        ("<p>\n  Some words\n  on two lines.\n</p>", "<p>Some words on two lines.</p>"),
        ("{% if a %}\n  <b>{{ a }}</b>\n{% endif %}\n", "<b>1</b>"),
        ("{# A comment #}\n<b>\n{# and another #}\n  words</b>", "<b>words</b>"),
    ],
)
def test_a_line_break_beside_a_tag_or_a_statement_is_nothing(source: str, page: str) -> None:
    assert rendered(source, a=1) == page


@pytest.mark.parametrize(
    ("source", "page"),
    [
        ("up to\n  {{ a }}\n  of {{ a }}", "up to 1 of 1"),
        ("{{ a }}\n{{ a }}", "1 1"),
        ("<b>{{ a }}</b>\n{{ a }}", "<b>1</b>1"),
    ],
)
def test_a_line_break_between_words_and_values_is_a_space(source: str, page: str) -> None:
    assert rendered(source, a=1) == page


@pytest.mark.parametrize(
    ("source", "page"),
    [
        ("<b>a</b> <b>b</b>", "<b>a</b> <b>b</b>"),
        ('<b>a</b>{{ " " }}\n<b>b</b>', "<b>a</b> <b>b</b>"),
        ("words{% if a %}, more{% endif %} <b>", "words, more <b>"),
    ],
)
def test_a_space_on_a_line_is_kept(source: str, page: str) -> None:
    assert rendered(source, a=1) == page


@pytest.mark.parametrize(
    ("source", "page"),
    [
        ('<a\n  href="/"\n  title="a >\n  b">x</a>', '<a href="/" title="a > b">x</a>'),
        ("<a\n  {{ a }}\n  hidden>", "<a 1 hidden>"),
        ('<a{% if a %} href="/"{% endif %}\n  hidden>\n  x</a>', '<a href="/" hidden>x</a>'),
        ("<a title='\"'\n  hidden>", "<a title='\"' hidden>"),
        (
            '<a class="b{% if a %} c{% endif %}\n  {% if not a %} d{% endif %}"\n  {% if a %} hidden{% endif %}\n>',
            '<a class="b c" hidden>',
        ),
    ],
)
def test_a_line_break_in_a_tag_is_a_space(source: str, page: str) -> None:
    assert rendered(source, a=1) == page


def test_the_text_of_a_pre_stays_as_it_is() -> None:
    source = "<div>\n  <pre>\n  {% if a %}\n  <b>\n    {{ a }}</b>\n  {% endif %}\n</pre>\n</div>"
    assert rendered(source, a=1) == "<div><pre>\n  \n  <b>\n    1</b>\n  \n</pre></div>"


def test_an_error_names_the_line_that_it_is_in() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        rendered("<p>\n  {{ 1 }}\n  words\n  {{ 1 // a }}\n</p>", a=0)
    assert caught.traceback[-1].lineno == 3  # counted from 0
