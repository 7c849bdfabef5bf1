"""``graft sort``: puts photos of an inbox into classes, in groups of likeness, so that every move can be taken back."""
