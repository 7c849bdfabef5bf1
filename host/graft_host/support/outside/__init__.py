"""What needs packages that ``graftkit[host]`` does not install."""
