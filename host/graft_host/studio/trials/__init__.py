"""Tries models on photos: answers, the photos that are most alike, and which part of a picture mattered."""
