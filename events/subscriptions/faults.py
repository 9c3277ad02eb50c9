"""The fault of a failure: its error, its message without numbers, and its own frame decide which are alike."""

from __future__ import annotations

import re

from django.utils.crypto import salted_hmac

from events.subscriptions.types import Failure

_NUMBER = re.compile(r"\d+")
_FRAME = re.compile(r'File "([^"]+)", line (\d+), in (\S+)')
_LIBRARY = re.compile(r"/(?:site-packages|dist-packages|lib/python[\d.]+|node_modules)/|^<")
_MAX_PLAIN_CHARACTERS = 300
UNKNOWN = "Error"
"""The type of a failure of which nothing was said."""


def failure(error_type: str, message: str, traceback: str | None) -> Failure:
    """Return what is kept of a failure."""
    plain_message = _NUMBER.sub("#", message)[:_MAX_PLAIN_CHARACTERS]
    frame = own_frame(traceback or "")[:_MAX_PLAIN_CHARACTERS]
    # The digest stands in the log, where no redaction reaches it. Without the server's key, nobody can try messages.
    digest = salted_hmac(__name__, "\x1f".join((error_type, plain_message, frame)), algorithm="sha256").hexdigest()[:16]
    return Failure(error_type, message, traceback, plain_message, frame, digest)


def own_frame(traceback: str) -> str:
    """Return a Python traceback's last frame outside of libraries, as `file in function`; empty if it has none."""
    frames = [(file, function) for file, _, function in _FRAME.findall(traceback)]
    own = [frame for frame in frames if not is_library(frame[0])] or frames
    return f"{own[-1][0]} in {own[-1][1]}" if own else ""


def is_library(file: str) -> bool:
    """Whether a file belongs to a library, or is none."""
    return _LIBRARY.search(file) is not None
