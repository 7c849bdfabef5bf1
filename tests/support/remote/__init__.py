"""Boards to deploy to in the tests; each is a real sshd on loopback with its own file system."""
