"""Rehearsals: a room's twin with the families' own simulators (twin), on a clock that jumps (loop), led by an operator made of a file (rehearse)."""
