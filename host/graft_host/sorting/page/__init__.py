"""The page of ``graft sort``; needs the extra ``serve``, which ``host`` includes."""
