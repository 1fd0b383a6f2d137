"""Every limit and timeout of the signing processes, each with its reason."""

from __future__ import annotations

# -- the sealing process --

MAX_OPEN = 16
"""Requests at once; a ceremony has one or two, above it the asker is told to come back."""

SERVICE_TIMEOUT_S = 10.0
"""A timestamp or revocation answer; they take well under a second, and nobody waits on stage for them."""

CONNECT_TIMEOUT_S = 5.0
"""Reaching a service: while it runs out nothing has been sent, so nothing can have been signed."""

REMOTE_TIMEOUT_S = 60.0
"""A remote signature: BSrE needs about 1 s; afterwards its outcome is unknown."""

REMOTE_VERIFY_TIMEOUT_S = 120.0
"""BSrE was seen to need 43 s to verify eight signatures."""

MAX_SERVICE_ANSWER = 96 << 20
"""Bytes of a service's answer: the largest file in base64, and some."""

PASSPHRASE_TRIES = 5
"""Wrong passphrases in a row for one key ..."""

PASSPHRASE_PAUSE_S = 60.0
"""... before it is left alone for a minute: a guess costs the guesser, a typing error nobody."""

CLOCK_SKEW_S = 60.0
"""A service's clock further off than this is said aloud: a timestamp before the signature looks like fraud."""

# -- the confined process: strangers' files --

MEMORY = 640 << 20
"""Address space of one judgement, the interpreter's and the libraries' 250 MiB among it."""

CPU_S = 20
"""CPU of one judgement; eight signatures in 4 MB take about two."""

MAX_PAGES = 300
"""Pages of a file that is judged or signed: a Berita Acara has two."""

MAX_SIGNATURES = 32
"""Signatures of a file that is judged: six signatories and twenty years of timestamps."""

MAX_EMBLEM_PIXELS = 16_000_000
"""Pixels of an emblem: 4000 by 4000; above it a small file is a bomb."""
