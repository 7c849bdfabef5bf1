"""The commands of ``graft-device``, each in its own module; ``cli`` registers them.

A command imports what it needs when it runs, so that a board never waits for another command's imports.
"""
