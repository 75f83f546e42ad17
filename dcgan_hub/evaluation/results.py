"""The result of a measure: figures, and everything that must be equal before two of them may be compared."""

import math
from dataclasses import asdict, dataclass
from typing import Any

# Fréchet distances are too large by a part that shrinks as images become more (Chong & Forsyth 2020). Measured for two
# halves of one set, docs/measures.md: 11 with 5,000 drawn faces and 55 with 1,000; 74 and 350 with photographs.
COMFORTABLE_COUNT = 5000


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """How figures were measured. Figures of different protocols do not compare."""

    features: str  # name of the feature network
    features_sha256: str  # of its weights
    input_side: int  # pixels a side of its input
    resize: str  # how images get there
    image_shape: tuple[int, int, int]  # (H, W, C) of the images before that
    real_fingerprint: str  # of the prepared set of real images
    real_available: int  # how many there are
    real_count: int  # how many of them were measured, the first of a fixed mixed order
    generated_count: int
    first_seed: int  # of the generated images, which have this one and those that follow
    kid_subsets: int
    kid_subset_size: int
    kid_seed: int
    manifold_count: int  # images a side for precision, recall, density and coverage
    precision_neighbours: int  # k of precision and recall
    density_neighbours: int  # k of density and coverage

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
    """How near generated images are to real ones."""

    kid: float  # 0 for one distribution
    kid_error: float  # its standard error
    fid: float  # 0 for one distribution and endless images
    precision: float  # see `PrecisionAndRecall`, as the three below
    recall: float
    density: float
    coverage: float
    protocol: Protocol  # how they were measured

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
            ("KID x 1000", self._kid_with_error(), "distance to the real images; 0: none"),
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
        return (
            f"KID x 1000 {self._kid_with_error()}, FID {self.fid:.4g}, precision {self.precision:.2f}, "
            f"recall {self.recall:.2f}"
        )

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

    def _kid_with_error(self) -> str:
        """Times 1000, as in "12.35 ± 0.68": the error with two digits, the value with as many decimals."""
        value, error = 1000 * self.kid, 1000 * self.kid_error
        decimals = max(0, 1 - math.floor(math.log10(error))) if error > 0 else 2
        return f"{value:.{decimals}f} ± {error:.{decimals}f}"
