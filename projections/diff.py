"""The path that copied pytest cases imported before `projections.testing.assert_folds`."""

from projections.values.diff import diff  # noqa: F401
