"""Rundowns: cues in a file (model), one that is carried out (show), all of a room as devices with capability `cue` (rundowns)."""
