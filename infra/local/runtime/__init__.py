"""The Runtime API, `/2018-06-01/runtime/...`: the runtime's requests and their answers."""
