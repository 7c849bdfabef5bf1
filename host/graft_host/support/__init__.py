"""Files, processes, caches and progress, which the other rooms share; imports none of them."""
