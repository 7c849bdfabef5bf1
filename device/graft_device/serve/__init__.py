"""The HTTP server of ``graft-device serve``; needs the extra ``serve`` (Starlette and uvicorn).

Only the command ``serve`` imports this package, so that other commands do not pay for its dependencies.
"""
