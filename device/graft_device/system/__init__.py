"""The operating system: files that survive a power cut, processes, signals, temperature, systemd."""
