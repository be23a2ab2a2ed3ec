"""What function.yaml says, read once."""
