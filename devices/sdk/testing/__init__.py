"""Simulators, conversation tests and conformance checks for drivers."""
