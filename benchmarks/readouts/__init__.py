"""Compares the readouts of a network, and the choice that ``--readout auto`` makes among them."""
