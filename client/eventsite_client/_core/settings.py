"""The version of the client, its address and its token: arguments, or variables of the environment."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

__version__ = "0.1.0"
"""The version of the distribution."""

URL_VARIABLE = "EVENTSITE_URL"
TOKEN_VARIABLE = "EVENTSITE_TOKEN"  # noqa: S105 - the name of the variable
TIMEOUT_SECONDS = 60.0

_NO_ADDRESS = "The address of a server is like http://127.0.0.1:8000 or https://events.example.org/eventsite."

PATH = "/api"
"""The path at which the API begins on a server."""


def address_of(url: str | None) -> str:
    """Return the address of the API.

    Raises:
        ValueError: there is none, or it is no address of HTTP.
    """
    url = url if url is not None else os.environ.get(URL_VARIABLE, "")
    if not url:
        raise ValueError(f"There is no address of a server: give `url`, or set {URL_VARIABLE}.")
    try:
        parts = urlsplit(url)
        _ = parts.port  # a property that checks
    except ValueError:
        raise ValueError(_NO_ADDRESS) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.netloc.endswith(":"):
        raise ValueError(_NO_ADDRESS)
    if "@" in parts.netloc or "?" in url or "#" in url:
        raise ValueError("The address of a server has neither a name nor a password, nor a query, nor a fragment.")
    return f"{url.rstrip('/')}{PATH}"


def token_of(token: str | None) -> str:
    """Return the token.

    Raises:
        ValueError: there is none, or a header can't hold it.
    """
    token = token if token is not None else os.environ.get(TOKEN_VARIABLE, "")
    if not token:
        raise ValueError(f"There is no token: give `token`, or set {TOKEN_VARIABLE}.")
    if not (token.isascii() and token.isprintable()):
        raise ValueError("The token holds a character that no token has.")
    return token


def checked_timeout(seconds: float) -> float:
    """Return a timeout.

    Raises:
        ValueError: it is not a positive number of seconds.
    """
    if not seconds > 0:
        raise ValueError(f"A timeout is a positive number of seconds, not {seconds!r}.")
    return seconds
