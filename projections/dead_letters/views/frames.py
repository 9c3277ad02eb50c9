"""The frames of a traceback that are a program's own. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from events.subscriptions.faults import is_library

_FRAME = re.compile(r'^ *File "([^"\n]+)", line \d+, in .*\n(?:(?! *File ") .*\n?)*', re.MULTILINE)
_MAX_CHARACTERS = 4_000


@dataclass(frozen=True, slots=True)
class Frames:
    """The part of a traceback that is shown at first.

    `text` has its own frames, `folded` frames of libraries are left out of it. It is shorter than the traceback if
    `is_cut`, or if frames are folded.
    """

    text: str
    folded: int
    is_cut: bool


def own_frames(traceback: str) -> Frames:
    """Return the own frames of a Python traceback. A text that is none, or has only foreign frames, stays as it is."""
    frames = [(match[0].rstrip("\n"), match[1]) for match in _FRAME.finditer(traceback)]
    own = [text for text, file in frames if not is_library(file)]
    text = "\n".join(own) if own else traceback.rstrip("\n")
    is_cut = len(text) > _MAX_CHARACTERS
    if is_cut:  # the last frame says most
        text = text[-_MAX_CHARACTERS:].partition("\n")[2] or text[-_MAX_CHARACTERS:]
    return Frames(text, len(frames) - len(own) if own else 0, is_cut)
