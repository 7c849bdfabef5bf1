"""The page of a board's own cameras, ``graft-device run --http``; needs the extra ``serve``.

It is imported only where the page is wanted. ``open_page`` in ``server.py`` starts it.
"""
