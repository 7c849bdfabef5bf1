"""Compares what learning curves expect of twice as many photos with what these really give."""
