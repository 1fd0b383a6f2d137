"""Judging a stranger's PDF: no keys, no network, and only what fits the limits of one confined process."""
