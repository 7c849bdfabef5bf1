"""Compares a linear head with fine-tuned layers on photos that are drawn from larger sets."""
