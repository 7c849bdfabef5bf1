"""The photos of a project: classes, moves that can be taken back, and what is added."""
