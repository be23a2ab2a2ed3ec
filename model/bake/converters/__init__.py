"""Scripts that convert models, run by the Python of an environment of their own.

They import nothing of ours but each other, and talk by files; model.bake.converter is the other
end.
"""
