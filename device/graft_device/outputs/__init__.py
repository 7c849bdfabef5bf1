"""Where the answers of ``graft-device run`` go."""
