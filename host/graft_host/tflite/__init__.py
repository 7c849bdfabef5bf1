"""Backbone and head become one ``.tflite`` file with metadata; reads and signs such files."""
