"""The old import path of `fold`, which pytest cases copied from earlier versions use."""

from projections.definition.fold import fold  # noqa: F401
