"""Events and HTTP: each event becomes one call of the model, and its answer the reply."""
