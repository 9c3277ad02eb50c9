"""The background of `log()`: queues in memory and on disk, and the thread that sends them."""
