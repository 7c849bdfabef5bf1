"""Boards to deploy to, for the tests: each a real sshd on loopback with a file system of its own."""
