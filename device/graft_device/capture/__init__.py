"""Takes pictures for training with a board's cameras, into a folder for each class."""
