"""What a board does: the settings that a command line or a ``board.toml`` gives, as data."""
