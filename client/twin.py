"""Make the client for threads from the one for asyncio, so that nothing is written twice: `python client/twin.py`.

`_async/io.py` and `_sync/io.py` are written by hand. In the other modules the two differ by a few words, which this
replaces. The test `tests/unit/client/test_twins.py` says so when somebody has forgotten to run it.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).parent / "eventsite_client"
BY_HAND = {"__init__.py", "io.py"}
WORDS = {
    r"\basync (def|for|with)\b": r"\1",
    r"\bawait ": "",
    r"\bAwaitable\[(\w+)\]": r"\1",
    r"\bAwaitable, ": "",
    r"\bAsync(\w+)": r"\1",
    r"\._async\b": "._sync",
    r"\b__a(enter|exit|iter|next)__\b": r"__\1__",
    r"\baclose\b": "close",
    r"\bStopAsyncIteration\b": "StopIteration",
    r"\basynchronous\b": "synchronous",
}


def twin_of(source: str) -> str:
    """Return the source of a module for threads."""
    source = f"# Made by twin.py from `_async`: change that.\n{source}"
    for pattern, replacement in WORDS.items():
        source = re.sub(pattern, replacement, source)
    ruff = [sys.executable, "-m", "ruff"]
    for command in (["check", "--select=C416,I", "--fix", "--unsafe-fixes", "--quiet"], ["format", "--quiet"]):
        name = ["--stdin-filename", str(PACKAGE / "_sync" / "module.py"), "-"]
        source = subprocess.run([*ruff, *command, *name], input=source, text=True, check=True, stdout=-1).stdout
    return source


def twins() -> dict[Path, str]:
    """Return the modules for threads as they should be, by their paths."""
    sources = sorted(path for path in (PACKAGE / "_async").glob("*.py") if path.name not in BY_HAND)
    return {PACKAGE / "_sync" / path.name: twin_of(path.read_text(encoding="utf-8")) for path in sources}


if __name__ == "__main__":
    for path, source in twins().items():
        path.write_text(source, encoding="utf-8")
