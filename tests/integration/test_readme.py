"""What the README shows works as it stands there."""

from __future__ import annotations

import re
from typing import Any

from events.models import Log
from events.reading import store
from tests.support.server import CHECKOUT, Server


def blocks_of(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (CHECKOUT / page).read_text(), re.DOTALL)


def test_the_projection_is_the_one_that_is_tested() -> None:
    _, projection = blocks_of("README.md")
    assert projection == blocks_of("docs/projections.md")[0]


def test_the_ten_line_agent_ships_the_order_once(server: Server, log: Log, token: str) -> None:
    agent, _ = blocks_of("README.md")
    source = agent.replace("http://127.0.0.1:8000", server.url)
    assert source != agent
    for _ in range(2):
        names: dict[str, Any] = {"TOKEN": token}
        exec(compile(source, "README.md", "exec"), names)
        names["api"].close()
    events = store.stream_events(log.pk, "order-42", limit=10).fetch()
    assert [(event.type, event.agent) for event in events] == [("OrderShipped", "shipper")]
