"""Kramer matrix switchers over Protocol 3000."""
