"""Brings a network to TensorFlow, which runs in a process of its own."""
