"""What each captured run of a framework becomes: types, agents, causes, tokens.

The files in `golden` are the answers. A change of the mapper shows there; look at each line that changed.
"""

from __future__ import annotations

from pathlib import Path

from tests.support.mapped import lines, mapped, records_in, spans_in
from tests.support.otlp import captures

GOLDEN = Path(__file__).parent / "golden"


def test_each_capture_becomes_the_same_events(shared_data: Path) -> None:
    differing = {}
    for name, requests in captures(shared_data):
        runs = mapped(spans_in(requests), records_in(requests))
        text = "\n".join(line for run in runs for line in lines(run.events)) + "\n"
        path = GOLDEN / f"{name.replace('/', '-')}.txt"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            differing[path.name] = text
    assert not differing, "\n".join(f"{name}\n{text}" for name, text in differing.items())
