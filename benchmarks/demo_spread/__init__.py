"""Repeats the demo with other seeds of its renderer: how its accuracy and its answers to new photos vary.

Run ``make demo-spread``. It prints the table of ``docs/explanation/figures.md``.
"""
