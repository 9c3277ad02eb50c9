"""The ways to append events by hand."""

from __future__ import annotations

from collections.abc import Sequence

from events.views.connect.frameworks.framework import MADE_NOW, POINT_CLIENT, Framework, Step

_PYTHON = Framework(
    "python",
    "Python client",
    "",
    "The Python client",
    "Python 3.10 or later",
    (
        Step(
            "Install",
            "make client\npip install client/dist/eventsite_client-*.whl",
            words="The first command builds the client, in a checkout of Eventsite.",
        ),
        POINT_CLIENT,
        Step(
            "Append what your agents do",
            """\
from eventsite_client import Client, NewEvent

with Client() as client:
    client.append("order-42", NewEvent("OrderPlaced", {"sku": "A-7", "quantity": 2}, agent="router"))""",
            is_command=False,
        ),
    ),
    "events that you do not append. A token that also reads lets the client decide, follow and consume.",
    sends_spans=False,
)
_HTTP = Framework(
    "http",
    "HTTP",
    "curl",
    "HTTP with curl",
    "any language; the API docs have all endpoints",
    (
        Step(
            "Append an event",
            """\
curl -i {endpoint}/api/streams/order-42/events \\
  -H "Authorization: Bearer {token}" \\
  -H "Content-Type: application/json" \\
  -d '{"events": [{"type": "OrderPlaced", "agent": "router", "data": {"sku": "A-7", "quantity": 2}}]}'""",
            note=MADE_NOW,
        ),
    ),
    "events that you do not append.",
    sends_spans=False,
)

BY_HAND: Sequence[Framework] = (_PYTHON, _HTTP)
