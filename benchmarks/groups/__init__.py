"""The groups of rows; each module has a ``measure`` from settings to rows."""
