"""The query language: text to tree, and the tree's two readings, as rows of the database and as a matcher."""
