"""The old import path of `diff`, which pytest cases copied from earlier versions use."""

from projections.values.diff import diff  # noqa: F401
