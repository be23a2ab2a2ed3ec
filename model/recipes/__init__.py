"""One file or folder a recipe; the folder is the list."""
