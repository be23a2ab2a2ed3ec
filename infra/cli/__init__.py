"""What `python -m infra` does on this machine, a file a command and its parts."""
