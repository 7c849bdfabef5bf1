"""Fuses backbone and head into one ``.tflite`` file with metadata; inspects and signs such files."""
