"""An agent that appends through the API, as one in the wild would."""

from __future__ import annotations

import json
import urllib.request
from typing import Any
from urllib.parse import quote


class Agent:
    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._token = token

    def append(self, stream: str, *events: dict[str, Any], **fields: Any) -> dict[str, Any]:
        """Append events, each by default a `Placed` without data; the API's answer. `fields` are the append's own."""
        body = {**fields, "events": [{"type": "Placed", "data": {}, **event} for event in events or ({},)]}
        request = urllib.request.Request(
            f"{self._url}/api/streams/{quote(stream, safe='')}/events",
            data=json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            found: dict[str, Any] = json.load(answer)
        return found
