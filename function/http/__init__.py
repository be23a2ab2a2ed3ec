"""The HTTP application: routes, bodies, problems, documents. No AWS in it."""
