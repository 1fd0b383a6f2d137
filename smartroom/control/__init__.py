"""The control process: HTTP, Socket.IO, rooms, devices, scenes, records. It never touches an RTP packet and holds no signing key."""
