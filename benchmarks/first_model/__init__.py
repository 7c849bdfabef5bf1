"""The first model in the studio, from an empty folder: what a person does by hand, and how long it takes."""
