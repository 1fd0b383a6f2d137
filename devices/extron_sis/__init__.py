"""Extron matrix switchers over SIS."""
