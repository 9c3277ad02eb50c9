"""The rules of the templates."""

from __future__ import annotations

from typing import Any

import pytest
from django.template import engines
from jinja2 import meta, nodes

_jinja: Any = engines["jinja2"]
JINJA = _jinja.env
NAMES = sorted(JINJA.list_templates())


def source_of(name: str) -> str:
    source: str = JINJA.loader.get_source(JINJA, name)[0]
    return source


def holds_only_macros(tree: nodes.Template) -> bool:
    return all(isinstance(node, nodes.Macro | nodes.FromImport) or _is_empty(node) for node in tree.body)


def _is_empty(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Output) and all(
        isinstance(each, nodes.TemplateData) and not each.data.strip() for each in node.nodes
    )


@pytest.mark.parametrize("name", NAMES)
def test_every_template_compiles(name: str) -> None:
    JINJA.get_template(name)


@pytest.mark.parametrize("name", NAMES)
def test_no_line_of_a_template_is_longer_than_160_characters(name: str) -> None:
    assert [line for line in source_of(name).splitlines() if len(line) > 160] == []


@pytest.mark.parametrize("name", NAMES)
def test_macros_that_others_import_use_their_parameters_only(name: str) -> None:
    tree = JINJA.parse(source_of(name))
    if holds_only_macros(tree):
        assert meta.find_undeclared_variables(tree) <= JINJA.globals.keys()


@pytest.mark.parametrize("name", NAMES)
def test_every_template_that_is_named_is_there(name: str) -> None:
    assert set(meta.find_referenced_templates(JINJA.parse(source_of(name)))) <= set(NAMES)
