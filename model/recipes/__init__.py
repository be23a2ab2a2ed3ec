"""One module a recipe: what prepares instances for the engine."""
