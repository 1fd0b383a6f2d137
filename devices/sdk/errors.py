"""Errors of a device, sorted by what the reader does next.

DeviceError
├── Retryable                 try again later
│   ├── Unreachable           no connection: cable, power, address
│   │   └── HungUp            the device ended the connection in good order
│   ├── ReplyTimeout          connected, but no answer in time
│   └── Busy                  the device refuses for now (warming, cooling, buffer full)
├── ConfigurationError        fix room.yaml or the device
│   ├── WrongPassword
│   ├── PortInUse             a serial port held by another program
│   └── BadSetting            a setting or address that cannot be used
├── Refused                   the device said no: tell the user its code
│   └── NotSupported          this device or model cannot do it
├── Superseded                a newer command took its place: nobody is at fault
└── Desynchronised            a reply that fits no request: the connection is closed
"""

from __future__ import annotations


class DeviceError(Exception):
    """Base of everything a device can answer with; `code` is stable, the message is for a technician."""

    code = "device"


class Retryable(DeviceError):
    """Trying again later may help."""

    code = "retry"


class Unreachable(Retryable):
    """There is no connection to the device."""

    code = "unreachable"


class HungUp(Unreachable):
    """The device ended the connection in good order, perhaps only because nobody spoke for a while."""


class ReplyTimeout(Retryable):
    """The device is connected but did not answer in time."""

    code = "timeout"


class Busy(Retryable):
    """The device refuses for now; `retry_after` is in seconds."""

    code = "busy"

    def __init__(self, message: str, *, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ConfigurationError(DeviceError):
    """Only a change of configuration helps."""

    code = "configuration"


class WrongPassword(ConfigurationError):
    """The device does not accept our password."""

    code = "wrong_password"


class PortInUse(ConfigurationError):
    """Another program holds the serial port."""

    code = "port_in_use"


class BadSetting(ConfigurationError):
    """A setting, address or value of the configuration cannot be used; `key` names it."""

    code = "bad_setting"

    def __init__(self, message: str, *, key: str = "") -> None:
        super().__init__(message)
        self.key = key


class Refused(DeviceError):
    """The device answered no; `device_code` is its own word (`E12`, `ERR2`)."""

    code = "refused"

    def __init__(self, message: str, *, device_code: str = "") -> None:
        super().__init__(message)
        self.device_code = device_code


class NotSupported(Refused):
    """This device cannot do that."""

    code = "not_supported"


class Superseded(DeviceError):
    """A newer command with the same name took this one's place."""

    code = "superseded"


class Desynchronised(DeviceError):
    """A reply belongs to no request: all later attribution would be void, so the connection is closed."""

    code = "desynchronised"
