"""Device drivers: one folder is one protocol family, and `devices.sdk` is all a driver may import."""
