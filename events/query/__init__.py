"""The query language: a text becomes a tree, and the tree becomes a filter of the database or a function."""
