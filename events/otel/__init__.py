"""OpenTelemetry in: spans and log records of agents' frameworks become events of a log."""
