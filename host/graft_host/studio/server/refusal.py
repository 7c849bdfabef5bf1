"""Answers requests that cannot be done: with a page for a person, with problem details for a script."""

from __future__ import annotations

import html
from pathlib import Path
from string import Template

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Scope

from graft_device.serve.problems import NO_STORE, ProblemError, response
from graft_host.studio.texts.texts import Texts, requested_language

_PAGE = Template((Path(__file__).parent / "entry" / "refused.html").read_text("utf-8"))
_KINDS = {401: "locked", 404: "missing", 500: "broken"}


def refusal(scope: Scope, problem: ProblemError) -> Response:
    """The answer to a request that ends with a problem."""
    headers = Headers(scope=scope)
    if scope["method"] != "GET" or "text/html" not in headers.get("accept", ""):
        return response(problem)
    texts = Texts(requested_language(headers))
    kind = _KINDS.get(problem.status, "refused")
    what = texts(f"shell.{kind}_what") if kind != "refused" else problem.detail
    page = _PAGE.substitute(
        language=texts.language,
        title=html.escape(texts(f"shell.{kind}_title")),
        what=html.escape(what),
        back=html.escape(texts("shell.back")),
        hidden="hidden" if kind in {"locked", "refused"} else "",
    )
    return Response(page, problem.status, {**NO_STORE, **problem.headers}, media_type="text/html")
