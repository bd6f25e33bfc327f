"""What goes into an exported network, and what comes out."""

from __future__ import annotations

from dataclasses import dataclass

INPUT = "crops"


@dataclass(frozen=True)
class Form:
    """The two ends of an exported network; its input is called "crops".

    preprocessing: crops are (B, h, w, 3) uint8 RGB; else normalised float32 (B, 3, h, w) (see `Normalize`). decoding:
    joints (B, K, 2) in crop pixels and scores (B, K) come out; else heatmaps (B, K, h / 4, w / 4). looks: so do maps
    (B, C, h / 4, w / 4) of how people look, for the tracker.
    """

    preprocessing: bool = True
    decoding: bool = False
    appearance: bool = False

    @property
    def outputs(self) -> tuple[str, ...]:
        """What the outputs are called, in their order.

        >>> Form(decoding=True, appearance=True).outputs
        ('joints', 'scores', 'looks')
        """
        found = ("joints", "scores") if self.decoding else ("heatmaps",)
        return (*found, "looks") if self.appearance else found

    def __str__(self) -> str:
        """In words.

        >>> str(Form()), str(Form(preprocessing=False, decoding=True)), str(Form(appearance=True))
        ('crops to heatmaps', 'normalised crops to joints', 'crops to heatmaps and looks')
        """
        into = INPUT if self.preprocessing else f"normalised {INPUT}"
        return f"{into} to {self.outputs[0]}" + (" and looks" if self.appearance else "")
