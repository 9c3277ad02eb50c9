"""The frameworks that the page Connect knows, and the lines with which their runs come to a log. Pure data.

`docs/connect.md` has the same lines, and a test compares them. In lines, `{endpoint}` is the address of the server, and
`{token}` a token. Another framework is an entry of one of these modules, and a section there.
"""

from __future__ import annotations

from collections.abc import Sequence

from events.views.connect.frameworks.adapters import ADAPTERS
from events.views.connect.frameworks.by_hand import BY_HAND
from events.views.connect.frameworks.framework import SAMPLE_TOKEN, Framework, Group, Step
from events.views.connect.frameworks.opentelemetry import BY_SPANS

__all__ = ["DEFAULT", "FRAMEWORKS", "GROUPS", "SAMPLE_TOKEN", "Framework", "Group", "Step"]

GROUPS: Sequence[Group] = (
    Group("OpenTelemetry", BY_SPANS),
    Group("Adapters: more than spans tell", ADAPTERS),
    Group("By hand", BY_HAND),
)
FRAMEWORKS = {framework.slug: framework for group in GROUPS for framework in group.frameworks}
"""All frameworks by their slugs."""
DEFAULT = BY_SPANS[0]
"""The framework that is shown if none is chosen."""
