"""Float weights become a backbone: a `.tflite` in the cache that computes the bottlenecks of its taps."""
