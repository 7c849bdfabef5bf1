"""The commands of ``graft``, a module each; ``cli`` registers them."""

import sys

if sys.version_info < (3, 10):
    raise SystemExit("error: graft needs Python 3.10 or later; boards with an older one run graft-device")
