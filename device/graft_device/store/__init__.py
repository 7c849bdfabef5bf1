"""The models on a board: installed, tested, signed, switched and rolled back."""
