"""Meetings: the media engine port, its built-in workers, WHIP and WHEP."""
