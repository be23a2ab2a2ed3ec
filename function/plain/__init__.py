"""The application without Lambda: an HTTP server that drains, threads, Prometheus."""
