"""Makes the parts of the documents that come from the code: command pages, the drawing of the rooms, the picture."""
