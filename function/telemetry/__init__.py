"""What an invocation leaves behind: a log line, metrics, and whether the process still works."""
