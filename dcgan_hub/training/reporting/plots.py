"""Plots of a run's metrics as PNG files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dcgan_hub.atomic_files import whole_file

Curve = tuple[str, str, str]  # key in metrics.jsonl, name in the legend, color

LOSSES: Sequence[Curve] = (("g_loss", "generator", "#2a6f97"), ("d_loss", "discriminator", "#c1572b"))
ACCURACIES: Sequence[Curve] = (
    ("real_accuracy", "on real images", "#2a6f97"),
    ("generated_accuracy", "on generated images", "#c1572b"),
)
DISTANCES: Sequence[Curve] = (("kid", "kernel distance (KID)", "#2a6f97"),)
MAX_POINTS = 2000  # more than a plot's width in pixels
INSIDE = (0.1, 0.12, 0.875, 0.79)  # left, bottom, width, height; fixed, since an automatic layout takes half the time


def plot_losses(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Plots both losses over the steps to the PNG file `path`; `rows` as in `metrics.jsonl`."""
    _plot(rows, path, LOSSES, "Losses", "cross-entropy (nats)", None)


def plot_accuracies(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Plots the discriminator's accuracies over the steps to the PNG file `path`; `rows` as in `metrics.jsonl`."""
    _plot(rows, path, ACCURACIES, "Discriminator accuracy", "fraction classified correctly", (-0.02, 1.02))


def plot_quality(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Plots the measured distances over the steps to the PNG file `path`; `rows` as in `metrics.jsonl`."""
    measured = [row for row in rows if "kid" in row]
    _plot(measured, path, DISTANCES, "Distance to the real images", "lower is better", None)


def _plot(
    rows: Sequence[dict[str, Any]], path: Path, curves: Sequence[Curve], title: str, unit: str,
    limits: tuple[float, float] | None,
) -> None:  # fmt: skip
    # Not pyplot, which keeps figures alive and selects a GUI backend.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5))
    FigureCanvasAgg(figure)
    axes = figure.add_axes(INSIDE)
    stride = max(1, len(rows) // MAX_POINTS)
    for key, name, color in curves:
        points = [(row["step"], row[key]) for row in rows[::stride] if row.get(key) is not None]
        marker = "o" if len(points) == 1 else None
        axes.plot(
            [step for step, _ in points],
            [value for _, value in points],
            color=color,
            marker=marker,
            label=name,
            lw=1.4,
        )
    axes.set(title=title, xlabel="step", ylabel=unit)
    if limits:
        axes.set_ylim(limits)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="best")
    with whole_file(path) as temporary:
        figure.savefig(temporary, dpi=110, format="png")
