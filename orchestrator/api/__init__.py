"""The HTTP API: HTTP in, use case, HTTP out."""
