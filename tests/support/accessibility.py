"""What axe finds on a page, and whether the page is wider than the screen."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

WIDTHS = (1440, 1024, 390)
AXE = Axe()
VIOLATIONS = {"resultTypes": ["violations"]}
# A page whose width has changed is laid out in the next frame, and its transitions take a moment more.
SETTLED = """async () => {
    await new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    const transitions = document.getAnimations().filter(each => each instanceof CSSTransition);
    await Promise.allSettled(transitions.map(each => each.finished));
}"""
WIDEST = """() => [...document.querySelectorAll("body *")].toSorted(
    (a, b) => b.getBoundingClientRect().right - a.getBoundingClientRect().right).slice(0, 3).map(
    each => `${each.localName}.${each.className} to ${each.getBoundingClientRect().right}`)"""
COLOURS_ONLY = {**VIOLATIONS, "runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}


def findings(page: Page) -> list[str]:
    """The findings of axe. If a page is sound in the light, only its colours can be wrong in the dark."""
    if not page.evaluate("'axe' in window"):  # half a megabyte of script, once a page
        page.evaluate(AXE.axe_script)
    is_dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    options = COLOURS_ONLY if is_dark else VIOLATIONS
    violations = page.evaluate("async options => (await axe.run(options)).violations", options)
    return [f"{each['id']}: {node['target']}" for each in violations for node in each["nodes"]]


def reaches_beyond(page: Page) -> bool:
    wider: bool = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    return wider


def findings_at_each_width(page: Page) -> dict[int, list[str]]:
    """The findings of axe at each width that has any. A page that is wider than the screen is one, too."""
    wrong = {}
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 844})
        page.evaluate(SETTLED)
        page_findings = findings(page)
        if reaches_beyond(page):
            page_findings.append(f"reaches beyond the screen: {page.evaluate(WIDEST)}")
        if page_findings:
            wrong[width] = page_findings
    return wrong
