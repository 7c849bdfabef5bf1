"""The HTTP server behind ``graft-device serve``; needs the extra ``serve`` (Starlette and uvicorn).

Nothing else of the package imports it, so a board that only classifies pays nothing for it.
"""
