"""Files, processes, caches and progress: what the other rooms share. Imports none of them."""
