"""One module per task, which turns outputs into answers."""
