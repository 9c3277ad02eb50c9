"""The path that copied pytest cases imported before `projections.testing.assert_folds`."""

from projections.definition.fold import fold  # noqa: F401
