"""How the studio reaches boards: with ssh, as the commands do, but never with a question at the terminal."""

from __future__ import annotations

import os
from pathlib import Path

from graft_host.deploy.ssh import SshOptions

VARIABLE = "GRAFT_SSH_CONFIG"
"""The environment variable with an ssh configuration to use instead of the user's. It is not a setting of the project:
such a file can name programs to run, and a project may come from somebody else."""


def ssh_config() -> Path | None:
    """The ssh configuration to use instead of the user's; None for the user's."""
    chosen = os.environ.get(VARIABLE)
    return Path(chosen) if chosen else None


def ssh_options() -> SshOptions:
    """How to reach boards, where nobody is at a terminal to answer ssh's questions."""
    return SshOptions(ssh_config(), asks=False)


def config_words() -> list[str]:
    """The words of a command line that name the ssh configuration; none for the user's."""
    config = ssh_config()
    return [] if config is None else ["-F", str(config)]
