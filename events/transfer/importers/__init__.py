"""Formats that can be imported, by name. A new one is a file here and a line below."""

from __future__ import annotations

from events.transfer.importers import eventsite, github_archive, openhands, tau_bench, who_and_when
from events.transfer.importers.base import Format

_MODULES = (eventsite, github_archive, openhands, tau_bench, who_and_when)
FORMATS: dict[str, Format] = {module.FORMAT.name: module.FORMAT for module in _MODULES}
