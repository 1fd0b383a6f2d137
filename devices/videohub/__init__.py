"""Blackmagic Videohub routers over the Videohub Ethernet Protocol."""
