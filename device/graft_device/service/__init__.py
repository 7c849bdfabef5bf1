"""``graft-device service``: a model as a systemd service."""
