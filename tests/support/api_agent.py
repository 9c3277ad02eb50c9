"""An agent that appends through the API, as agents of users do."""

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
        """Append events, and return the API's answer.

        An event without fields is a `Placed`; `fields` belong to the append.
        """
        body = {**fields, "events": [{"type": "Placed", "data": {}, **event} for event in events or ({},)]}
        request = urllib.request.Request(
            f"{self._url}/api/streams/{quote(stream, safe='')}/events",
            data=json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            result: dict[str, Any] = json.load(answer)
        return result
