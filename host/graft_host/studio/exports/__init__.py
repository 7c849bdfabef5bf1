"""What a model can be exported as, and what was exported."""
