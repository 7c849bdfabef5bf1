"""The commands of ``graft-device``, a module each; ``cli`` registers them.

Each imports what it needs when it runs: a board must not wait for what another command wants.
"""
