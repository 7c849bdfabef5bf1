"""The option of fine-tuning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from graft_host.support.option import Option, OptionError

FineTune = Literal["auto", "off"]


@dataclass(frozen=True, kw_only=True)
class FineTuneOptions:
    """Whether the last layers of the backbone may be trained.

    Attributes:
        fine_tune: ``auto`` trains them too, and keeps the result if photos that it was not trained on say so; ``off``
            trains the head alone.
    """

    fine_tune: Annotated[
        FineTune,
        Option(
            group="Network",
            help="auto: train the backbone's last layers too, and keep them if held-out photos say that they help. "
            "Takes minutes, and the extra tensorflow.",
        ),
    ] = "off"

    def check(self, quantization: str, optimizer: str, weights: str, max_drop: float | None) -> None:
        """Raises OptionError if a network with these options cannot be fine-tuned.

        Args:
            quantization: the numbers in the file.
            optimizer: of the head.
            weights: the value of ``--weights``.
            max_drop: the value of ``--max-drop``; None if it was not given.
        """
        if self.fine_tune == "off":
            return
        refused = (
            (
                quantization != "int8",
                f"layers are trained on maps of int8, not {quantization}",
                "--quantize int8",
            ),
            (optimizer == "sgd", "the training starts from the optimum that sgd does not find", "--optimizer lbfgs"),
            (weights == "random", "random weights have learned nothing to start from", "pretrained weights"),
            (
                max_drop is not None,
                "--max-drop compares with a float32 network of pretrained weights, which has no fine-tuned layers",
                "--min-accuracy in place of --max-drop",
            ),
        )
        for is_refused, reason, instead in refused:
            if is_refused:
                raise OptionError(reason, f"give {instead}, or leave out --fine-tune", option="--fine-tune")
