"""What the README shows works as it stands there."""

from __future__ import annotations

import re
from typing import Any

from events import store
from events.models import Log
from tests.server import CHECKOUT, Server


def test_the_ten_line_agent_ships_the_order_once(server: Server, log: Log, token: str) -> None:
    readme = (CHECKOUT / "README.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    assert len(blocks) == 1
    source = blocks[0].replace("http://127.0.0.1:8000", server.url)
    assert source != blocks[0]
    for _ in range(2):
        names: dict[str, Any] = {"TOKEN": token}
        exec(compile(source, "README.md", "exec"), names)
        names["api"].close()
    events = store.stream_events(log.pk, "order-42", limit=10).fetch()
    assert [(event.type, event.agent) for event in events] == [("OrderShipped", "shipper")]
