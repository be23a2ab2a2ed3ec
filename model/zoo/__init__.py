"""The baked models: one bundle per folder, with the code that trained it."""
