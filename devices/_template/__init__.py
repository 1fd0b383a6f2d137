"""A new protocol family."""
