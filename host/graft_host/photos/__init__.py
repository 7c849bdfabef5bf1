"""Photos in class folders: scan them, compare them, split them, and find what is wrong with them."""
