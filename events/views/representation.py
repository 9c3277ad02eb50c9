"""The representations of a page: HTML, or the API's answer, or Markdown.

The parameter `?format=json` or `?format=md` asks for one, or the header Accept.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.http import HttpRequest, HttpResponse

_BY_ACCEPT = {"application/json": "json", "text/markdown": "md"}


def format_of(request: HttpRequest) -> str | None:
    """Return the format that a request asks for: `json`, `md`, or None for a page."""
    if (name := request.GET.get("format")) in ("json", "md"):
        return name
    return _BY_ACCEPT.get(request.get_preferred_type(["text/html", *_BY_ACCEPT]) or "")


def markdown_response(lines: Sequence[str], *, status: int = 200) -> HttpResponse:
    """Return lines as the Markdown of a page, which a cache keeps apart from its HTML."""
    text = "\n".join(lines) + "\n"
    return HttpResponse(text, content_type="text/markdown; charset=utf-8", status=status, headers={"Vary": "Accept"})
