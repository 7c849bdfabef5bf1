"""Long work in processes of their own, one after another."""
