"""The result of a measure: figures, and everything that must be equal before two of them may be compared."""

import math
from dataclasses import asdict, dataclass
from typing import Any

# Fréchet distances are too large by a part that shrinks as images become more (Chong & Forsyth 2020). Measured for two
# halves of one set, docs/measures.md: 11 with 5,000 drawn faces and 55 with 1,000; 74 and 350 with photographs.
COMFORTABLE_COUNT = 5000


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """How figures were measured. Figures of different protocols do not compare.

    Attributes:
        features: name of the feature network.
        features_sha256: of its weights.
        input_side: pixels a side of its input.
        resize: how images get there.
        image_shape: (H, W, C) of the images before that.
        real_fingerprint: of the prepared set of real images.
        real_available: how many there are.
        real_count: how many of them were measured, the first of a fixed mixed order.
        generated_count: how many were generated.
        first_seed: their seeds are this one and those that follow.
        kid_subsets: number of subsets of the kernel distance.
        kid_subset_size: images in each of them.
        kid_seed: of the subsets.
        manifold_count: images a side for precision, recall, density and coverage.
        precision_neighbours: k of precision and recall.
        density_neighbours: k of density and coverage.
    """

    features: str
    features_sha256: str
    input_side: int
    resize: str
    image_shape: tuple[int, int, int]
    real_fingerprint: str
    real_available: int
    real_count: int
    generated_count: int
    first_seed: int
    kid_subsets: int
    kid_subset_size: int
    kid_seed: int
    manifold_count: int
    precision_neighbours: int
    density_neighbours: int

    def describe(self) -> str:
        """Two lines: which images, and by what."""
        last_seed = self.first_seed + self.generated_count - 1
        return (
            f"{self.generated_count:,} generated images (seeds {self.first_seed} to {last_seed}) against "
            f"{self.real_count:,} of {self.real_available:,} real ones\n"
            f"features of {self.features} at {self.input_side}x{self.input_side}; precision to coverage with "
            f"{self.manifold_count:,} a side"
        )


@dataclass(frozen=True, kw_only=True)
class Measures:
    """How near generated images are to real ones.

    Attributes:
        kid: kernel distance; 0 for one distribution.
        kid_error: its standard error.
        fid: Fréchet distance; 0 for one distribution and endless images.
        precision: 0 to 1, see `PrecisionAndRecall`, as the three below.
        recall: 0 to 1.
        density: about 1 for one distribution.
        coverage: 0 to 1.
        protocol: how they were measured.
    """

    kid: float
    kid_error: float
    fid: float
    precision: float
    recall: float
    density: float
    coverage: float
    protocol: Protocol

    def figures(self) -> dict[str, float]:
        """The figures by name, without the protocol: for one line of metrics."""
        return {name: value for name, value in asdict(self).items() if name != "protocol"}

    def to_dict(self) -> dict[str, Any]:
        """Figures and protocol as plain values for JSON."""
        protocol = asdict(self.protocol)
        return self.figures() | {"protocol": protocol | {"image_shape": list(self.protocol.image_shape)}}

    def describe(self) -> str:
        """A table with a line for each figure and what it says, and the protocol below."""
        rows = [
            (
                "KID x 1000",
                _with_error(1000 * self.kid, 1000 * self.kid_error),
                "distance to the real images; 0: none",
            ),
            ("FID", f"{self.fid:.4g}", "another distance, never quite 0; compare at equal counts only"),
            ("precision", f"{self.precision:.3f}", "fraction of generated images inside the real manifold"),
            ("recall", f"{self.recall:.3f}", "fraction of real images inside the generated manifold"),
            ("density", f"{self.density:.3f}", "as precision, less swayed by single odd images; about 1 is right"),
            ("coverage", f"{self.coverage:.3f}", "as recall, less swayed by single odd images"),
        ]
        lines = [f"{name:<11} {value:>14}   {meaning}" for name, value, meaning in rows]
        return "\n".join([*lines, self.protocol.describe()])

    def summary(self) -> str:
        """The most telling figures on one line."""
        distance = _with_error(1000 * self.kid, 1000 * self.kid_error)
        return f"KID x 1000 {distance}, FID {self.fid:.4g}, precision {self.precision:.2f}, recall {self.recall:.2f}"

    def notes(self) -> list[str]:
        """What to keep in mind with these figures, a sentence or two each; may be empty."""
        notes = []
        fewest = min(self.protocol.real_count, self.protocol.generated_count)
        if fewest < COMFORTABLE_COUNT:
            notes.append(
                f"FID is too large with few images, here {fewest:,}: even two halves of one set are apart. Below "
                f"{COMFORTABLE_COUNT:,} compare KID, which has no such floor, or FIDs of equal counts."
            )
        if self.protocol.image_shape[-1] == 1:
            notes.append(
                "The feature network knows colour photographs. On grey images its figures rank generators of one set; "
                "they say little beside figures of other sets."
            )
        if self.protocol.image_shape[-1] == 4:
            notes.append("Transparent images were measured as they look on white.")
        return notes


def _with_error(value: float, error: float) -> str:
    """12.345 and 0.678 as "12.35 ± 0.68": the error with two digits, the value with as many decimals."""
    decimals = max(0, 1 - math.floor(math.log10(error))) if error > 0 else 2
    return f"{value:.{decimals}f} ± {error:.{decimals}f}"
