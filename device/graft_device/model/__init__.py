"""A ``.tflite`` as an artifact: labels, model card, golden data, and the checksum of the network."""

from graft_device.model.card import CARD_FORMAT, CARD_NAME, ModelCard
from graft_device.model.network import DamagedError, check_network, read_checked, without_checksum
from graft_device.model.reader import LABELS_NAME, ModelFile, read_model

__all__ = [
    "CARD_FORMAT",
    "CARD_NAME",
    "LABELS_NAME",
    "DamagedError",
    "ModelCard",
    "ModelFile",
    "check_network",
    "read_checked",
    "read_model",
    "without_checksum",
]
