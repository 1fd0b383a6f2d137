"""The ceremony: ink, journal, decisions, document, archive. docs/ceremony.md tells the order of things."""
