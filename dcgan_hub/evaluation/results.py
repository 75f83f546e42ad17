"""The result of an evaluation: the metrics, and the protocol, which must be equal for two results to be comparable."""

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

from dcgan_hub.evaluation.class_measures import ClassMeasures

# FID has a positive bias that shrinks as the number of images grows (Chong & Forsyth 2020). Measured between two halves
# of one set (docs/measures.md): 11 with 5,000 drawn faces and 55 with 1,000; 74 and 350 with photographs.
COMFORTABLE_COUNT = 5000


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """How metrics were measured. Metrics of different protocols are not comparable."""

    features: str  # name of the feature network
    features_sha256: str  # of its weights
    input_side: int  # of its square input, in pixels
    resize: str  # how images are resized to that
    image_shape: tuple[int, int, int]  # (H, W, C) of the images before resizing
    real_fingerprint: str  # of the prepared real images
    real_available: int  # how many there are
    real_count: int  # how many were used, the first of a fixed shuffled order
    generated_count: int
    first_seed: int  # of the generated images, which have consecutive seeds
    kid_subsets: int
    kid_subset_size: int
    kid_seed: int
    manifold_count: int  # images of each set for precision, recall, density and coverage
    precision_neighbours: int  # k of precision and recall
    density_neighbours: int  # k of density and coverage

    def describe(self) -> str:
        """Two lines: the images, and the features."""
        last_seed = self.first_seed + self.generated_count - 1
        return (
            f"{self.generated_count:,} generated images (seeds {self.first_seed} to {last_seed}) against "
            f"{self.real_count:,} of {self.real_available:,} real ones\n"
            f"features of {self.features} at {self.input_side}x{self.input_side}; precision to coverage with "
            f"{self.manifold_count:,} of each"
        )


@dataclass(frozen=True, kw_only=True)
class Measures:
    """How near generated images are to real ones."""

    kid: float  # 0 for equal distributions
    kid_error: float  # its standard error
    fid: float  # 0 for equal distributions and infinitely many images
    precision: float  # this and the next three: see `PrecisionAndRecall`
    recall: float
    density: float
    coverage: float
    protocol: Protocol  # how they were measured
    classes: ClassMeasures | None = None  # None without classes
    seam_ratio: float | None = (
        None  # of the generated images, see `SeamRatio`; None of a generator that is not seamless
    )

    def figures(self) -> dict[str, float]:
        """The figures by name, without the protocol: for one line of metrics."""
        names = [item.name for item in fields(self) if item.name not in ("protocol", "classes", "seam_ratio")]
        figures = {name: getattr(self, name) for name in names} | (self.classes.figures() if self.classes else {})
        return figures | ({} if self.seam_ratio is None else {"seam_ratio": self.seam_ratio})

    def to_dict(self) -> dict[str, Any]:
        """Figures, protocol, and measures of classes if there are classes, as plain values for JSON."""
        protocol = asdict(self.protocol)
        classes = {"classes": self.classes.to_dict()} if self.classes else {}
        return self.figures() | {"protocol": protocol | {"image_shape": list(self.protocol.image_shape)}} | classes

    def describe(self) -> str:
        """A table with a line for each metric and its meaning, followed by the protocol."""
        rows = [
            ("KID x 1000", self._kid_with_error(), "distance to the real images; 0 is ideal"),
            ("FID", f"{self.fid:.4g}", "another distance, always above 0; compare only at equal counts"),
            ("precision", f"{self.precision:.3f}", "fraction of generated images inside the real manifold"),
            ("recall", f"{self.recall:.3f}", "fraction of real images inside the generated manifold"),
            ("density", f"{self.density:.3f}", "like precision, less sensitive to outliers; 1 is ideal"),
            ("coverage", f"{self.coverage:.3f}", "like recall, less sensitive to outliers"),
        ]
        if self.seam_ratio is not None:
            seam = "difference of pixels across the border of a tile, by that inside; 1 is ideal"
            rows.append(("seam ratio", f"{self.seam_ratio:.3f}", seam))
        lines = [f"{name:<11} {value:>14}   {meaning}" for name, value, meaning in rows]
        classes = [self.classes.describe()] if self.classes else []
        return "\n".join([*lines, *classes, self.protocol.describe()])

    def summary(self) -> str:
        """The most important metrics on one line."""
        return (
            f"KID x 1000 {self._kid_with_error()}, FID {self.fid:.4g}, precision {self.precision:.2f}, "
            f"recall {self.recall:.2f}"
            + (f", accuracy of classes {self.classes.accuracy:.2f}" if self.classes else "")
            + ("" if self.seam_ratio is None else f", seam ratio {self.seam_ratio:.2f}")
        )

    def notes(self) -> list[str]:
        """Caveats about these metrics, a sentence or two each; may be empty."""
        notes = []
        fewest = min(self.protocol.real_count, self.protocol.generated_count)
        if fewest < COMFORTABLE_COUNT:
            notes.append(
                f"FID is biased upwards with few images, here {fewest:,}, even between two halves of one set. Below "
                f"{COMFORTABLE_COUNT:,} compare KID, which is unbiased, or FIDs of equal counts."
            )
        if self.protocol.image_shape[-1] == 1:
            notes.append(
                "The feature network was trained on color photographs. On gray images its metrics can rank generators "
                "of one dataset, but they are hardly comparable with metrics on other datasets."
            )
        if self.protocol.image_shape[-1] == 4:
            notes.append("Transparent images were composited on white.")
        return notes

    def _kid_with_error(self) -> str:
        """KID times 1000, as in "12.35 ± 0.68": the error with two digits, the value with as many decimals."""
        value, error = 1000 * self.kid, 1000 * self.kid_error
        decimals = max(0, 1 - math.floor(math.log10(error))) if error > 0 else 2
        return f"{value:.{decimals}f} ± {error:.{decimals}f}"
