"""Reads weights from Google's frozen Inception-v3 graph of 2015, without TensorFlow."""
