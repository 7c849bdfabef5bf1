"""Networks as data, and what writes them as ``.tflite`` files: no TensorFlow."""
