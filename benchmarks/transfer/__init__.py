"""Compares linear heads, chosen readouts and fine-tuned networks on few and many photos.

Run ``python -m benchmarks.transfer``. It prints the tables of ``benchmarks/RESULTS.md``.
"""
