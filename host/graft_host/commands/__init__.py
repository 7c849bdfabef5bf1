"""The commands of ``graft``, a module each; ``cli`` registers them."""

import sys

if sys.version_info < (3, 10):
    raise SystemExit("error: graft needs Python 3.10 to 3.13; boards with an older one run graft-device")
