"""What the motion gate of ``graft-device run`` sees and saves, on generated videos."""
