"""People, roles and rights: who is asking, and may they? Knows nothing of HTTP and nothing of databases."""
