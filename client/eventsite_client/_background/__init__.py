"""What `log()` hands over: queues in memory and on disk, and the thread that sends them."""
