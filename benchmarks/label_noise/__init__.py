"""Measures what depends on chance, over many draws: the search for mislabels, temperature and calibration error.

Run ``python -m benchmarks.label_noise.mislabels`` or ``python -m benchmarks.label_noise.calibration``. Both print the
tables of ``docs/explanation/figures.md``.
"""
