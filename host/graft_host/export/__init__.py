"""``graft export``: the float network of a model as Keras or SavedModel."""
