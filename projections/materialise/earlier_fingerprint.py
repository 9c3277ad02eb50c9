"""The fingerprint that version 0.1 computed, which included import statements, and its replacement in old rows.

The rows of an installation of version 0.1 hold that fingerprint. `carry_over` computes it again for every projection,
and gives such rows today's fingerprint, so that no projection is rebuilt because a file moved. Remove this module when
no installation of version 0.1 is left.
"""

from __future__ import annotations

import ast

from django.db.models import Model

from projections import registry
from projections.definition import fingerprint as fingerprints
from projections.definition import upcasting
from projections.definition.fingerprint import CATALOG, fingerprint, own_fingerprint
from projections.definition.projection import Projection
from projections.models import Checkpoint, Snapshot

_CATALOG_IMPORTS = {
    "counts": """
from typing import Any
from projections.types import Decoded, Key, Projection
""",
    "latest": """
from collections.abc import Callable
from typing import Any, TypeAlias
from projections.types import STREAM, Decoded, Json, Key, Projection
""",
    "messages": """
from typing import Any
from projections.types import Decoded
""",
    "orders": """
from typing import Any
from projections.catalog.messages import fields
from projections.types import Decoded, Json, Key, Projection
""",
    "transcript": """
import json
from typing import Any
from events.types import REDACTED
from projections.catalog.messages import addressee, cut, fields, speaker, text_of
from projections.types import WORKFLOW, Decoded, Projection
""",
}
"""The import statements that version 0.1 had, by module of the catalogue; only modules whose code is unchanged."""


def after_migration(**_: object) -> None:
    """Carry over after each migration of the database; from the second time on it changes nothing."""
    carry_over()


def carry_over() -> int:
    """Give the rows of version 0.1 whose code is unchanged today's fingerprint; return the number of these rows.

    A snapshot that exists under both fingerprints stays as it is: it is a cache.
    """
    row_count = sum(_carry_over(projection) for projection in registry.PROJECTIONS.values())
    for projection in registry.PROJECTIONS.values():
        current = Checkpoint.objects.filter(projection=projection.name, fingerprint=fingerprint(projection))
        current.filter(own_fingerprint=None).update(own_fingerprint=own_fingerprint(projection))
    return row_count


def _carry_over(projection: Projection) -> int:
    earlier, current = earlier_fingerprint(projection), fingerprint(projection)
    if earlier is None:
        return 0
    models: list[type[Model]] = [Checkpoint]
    if not Snapshot.objects.filter(projection=projection.name, fingerprint=current).exists():
        models.append(Snapshot)
    rows = (model._default_manager.filter(projection=projection.name, fingerprint=earlier) for model in models)
    return sum(each.update(fingerprint=current) for each in rows)


def earlier_fingerprint(projection: Projection) -> str | None:
    """Return the fingerprint of version 0.1 for a projection, as 64 hex digits; None if its code has changed since."""
    chains = upcasting.current()
    names = fingerprints.module_names(projection, chains)
    if not all(name.removeprefix(CATALOG) in _CATALOG_IMPORTS for name in names if name.startswith(CATALOG)):
        return None
    return fingerprints.digest(projection, chains, [_earlier_code(name) for name in names])


def _earlier_code(name: str) -> str:
    tree = fingerprints.without_docstrings(fingerprints.syntax_tree(name))
    if name.startswith(CATALOG):
        imports = ast.parse(f"from __future__ import annotations{_CATALOG_IMPORTS[name.removeprefix(CATALOG)]}").body
        tree.body = [*imports, *(each for each in tree.body if not isinstance(each, ast.Import | ast.ImportFrom))]
    return ast.unparse(tree)
