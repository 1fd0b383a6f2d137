"""Byte transports: tcp, udp, serial, memory."""
