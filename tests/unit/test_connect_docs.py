"""docs/connect.md has the lines that the page Connect prints, and a picture of a run of each framework."""

from __future__ import annotations

import pytest

from events.views.connect.frameworks import FRAMEWORKS, GROUPS, SAMPLE_TOKEN, Framework
from tests.support.examples import section_of
from tests.support.server import CHECKOUT

ENDPOINT = "http://127.0.0.1:8000"


@pytest.mark.parametrize("framework", FRAMEWORKS.values(), ids=FRAMEWORKS)
def test_the_page_and_its_documentation_have_the_same_lines(framework: Framework) -> None:
    section = section_of("docs/connect.md", framework.title)
    place = 0
    for step in framework.steps:
        lines = step.lines.replace("{endpoint}", ENDPOINT).replace("{token}", SAMPLE_TOKEN)
        place = section.index(f"\n{lines}\n```", place)
        assert f"**{step.title}**" in section[:place]
        assert step.words in section
        assert step.warning in section
    assert framework.unseen in section
    assert framework.checked[1:] in section


def test_every_framework_has_a_picture_of_a_run() -> None:
    frameworks = [framework for group in GROUPS[:-1] for framework in group.frameworks]
    pictures = {
        framework.slug
        for framework in frameworks
        if f"(images/connect-{framework.slug}.png)" in section_of("docs/connect.md", framework.title)
        and (CHECKOUT / f"docs/images/connect-{framework.slug}.png").exists()
    }
    assert pictures == {framework.slug for framework in frameworks} - {"otlp"}


def test_the_page_leads_to_the_adapter_that_tells_more_and_its_documentation_too() -> None:
    fuller = {slug: framework.fuller for slug, framework in FRAMEWORKS.items() if framework.fuller}
    assert fuller == {slug: f"{slug}-adapter" for slug in ("langgraph", "openai-agents", "crewai", "autogen")}
    for slug, adapter in fuller.items():
        anchor = FRAMEWORKS[adapter].title.lower().replace(" ", "-")
        assert f"[Its adapter](#{anchor}) tells more." in section_of("docs/connect.md", FRAMEWORKS[slug].title)


def test_each_name_leads_to_one_framework() -> None:
    all_frameworks = [framework for group in GROUPS for framework in group.frameworks]
    assert len(FRAMEWORKS) == len(all_frameworks)
