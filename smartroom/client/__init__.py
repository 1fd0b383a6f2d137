"""A typed client of a running server, for technicians' own programs. Imports the protocol and nothing else of ours."""

from smartroom.client.client import Client
from smartroom.client.errors import (
    ClientError,
    DeviceTrouble,
    NotAllowed,
    NotFound,
    NotNow,
    OtherVersion,
    Overtaken,
    Refused,
    ServerGone,
    WrongRequest,
)
from smartroom.client.room import Room

__all__ = [
    "Client",
    "ClientError",
    "DeviceTrouble",
    "NotAllowed",
    "NotFound",
    "NotNow",
    "OtherVersion",
    "Overtaken",
    "Refused",
    "Room",
    "ServerGone",
    "WrongRequest",
]
