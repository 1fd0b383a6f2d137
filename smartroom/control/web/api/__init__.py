"""The REST API, one module per domain: each is a table of routes."""
