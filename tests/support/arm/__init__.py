"""An emulated Arm board for the tests: Debian's userland and Python 3.11 under QEMU's user emulation."""
