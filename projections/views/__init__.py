"""Pages that show projections: one module a page, as in events.views."""
