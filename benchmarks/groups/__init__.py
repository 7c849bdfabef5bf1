"""The groups of benchmarks; each module has a function ``measure`` that takes settings and returns rows."""
