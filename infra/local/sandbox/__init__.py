"""The child process: started, confined, measured, frozen, killed, copied."""
