"""The demo: three agents handle orders, live. docs/demo.md tells the story."""
