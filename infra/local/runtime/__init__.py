"""The Runtime API, `/2018-06-01/runtime/...`: what a runtime asks, and what it is answered."""
