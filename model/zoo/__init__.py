"""The baked models: one bundle a folder, with what trained it."""
