"""A long run whose broker, webhook receiver and disk are taken away and given back at random."""
