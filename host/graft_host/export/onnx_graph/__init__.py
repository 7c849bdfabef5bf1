"""Writes the graph of a ``.tflite`` as ONNX."""
