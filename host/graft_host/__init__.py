"""The workstation's side of graftkit: photos in, one tested ``.tflite`` out."""

from graft_device import __version__

__all__ = ["__version__"]
