"""The figures of benchmarks/quality.py as a Markdown table, with what is said below it."""

from typing import Any

from judges.distances import Distances
from judges.panel import OWN

from reporting.report import markdown_table

HEADING = ["set", "images", "minutes", "recipe", "images/s", "FID", "KID x 1000", "precision", "recall", "FID ratio"]


def table_rows(result: dict[str, Any]) -> list[list[str]]:
    """The lines of the table for one set."""
    rows = []
    for row in result["results"]:
        figures, trained = row["measures"], "seconds" in row
        ratio = result["fid_ratio"] if row["label"] == "dcgan_hub" else None
        rows.append(
            [
                result["task"]["name"],
                f"{result['training_images']:,}" if trained else f"{figures['protocol']['generated_count']:,}",
                f"{row['seconds'] / 60:.1f}" if trained else "",
                row["recipe"],
                f"{row['images_per_second']:.0f}" if trained else "",
                f"{figures['fid']:.4g}",
                f"{1000 * figures['kid']:.2f} ± {1000 * figures['kid_error']:.2f}",
                f"{figures['precision']:.3f}",
                f"{figures['recall']:.3f}",
                f"{ratio:.3f}" if ratio is not None else "",
                *(cell for name in others(result) for cell in Distances(**row["judges"][name]).cells()),
            ]
        )
    return rows


def others(result: dict[str, Any]) -> list[str]:
    """The judges beside the package's own network, whose figures are there in any case."""
    return [name for name in result["results"][0]["judges"] if name != OWN]


def describe(results: list[dict[str, Any]]) -> str:
    """The table, and below it how each set was measured."""
    heading = [*HEADING, *(f"{name} {figure}" for name in others(results[0]) for figure in ("FID", "KID x 1000"))]
    lines = [markdown_table(heading, [row for result in results for row in table_rows(result)]), ""]
    for result in results:
        last = result["results"][-1]
        protocol = "; ".join(last["protocol"].splitlines())
        lines.append(f"{result['task']['name']}: {protocol}; all real ones are held out from training.")
        lines += [f"{result['task']['name']}: {note}" for note in last["notes"]]
        if "better" in result:
            said = ", ".join(f"{name} {word}" for name, word in result["opinions"].items())
            verdict = "better" if result["better"] else "not better"
            lines.append(f"{result['task']['name']}: dcgan_hub is {verdict} than the peer ({said}).")
    return "\n".join(lines)
