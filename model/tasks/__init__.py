"""One module a task: what turns outputs into answers."""
