"""What an agent needs that goes on with a workflow after a restart: one read, true at one position of the log."""
