"""One file per event source: its events in, its replies out. Doors never import each other."""
