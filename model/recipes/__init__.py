"""One file or folder per recipe; the folder is the list."""
