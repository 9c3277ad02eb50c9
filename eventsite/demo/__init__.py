"""Three agents handle orders, in front of whoever watches. docs/demo.md tells the story."""
