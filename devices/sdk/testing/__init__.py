"""Simulators, conversation tests and conformance checks for drivers."""

from devices.sdk.testing.clients import Client
from devices.sdk.testing.faults import Faults
from devices.sdk.testing.simulator import Simulator

__all__ = ["Client", "Faults", "Simulator"]
