"""Compares int8 backbones with those of TensorFlow's converter: the noise of bottlenecks, accuracy, agreement.

Run ``python -m benchmarks.quantization``. It prints the table of ``docs/explanation/figures.md``.
"""
