"""A typed client of a running server. Imports the protocol and nothing else of ours."""

from smartroom.client.http import Client, ClientError, ServerGone

__all__ = ["Client", "ClientError", "ServerGone"]
