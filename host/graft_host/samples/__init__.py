"""Photos of another domain: source photos that help a few photos of the place, and what they weigh."""
