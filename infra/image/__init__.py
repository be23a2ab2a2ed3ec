"""The function's image: built, measured, checked, listed."""
