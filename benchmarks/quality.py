"""Trains this package and a peer for the same time, and measures both on held-out images.

usage: python benchmarks/quality.py --set adventurer cifar10 --data FACES CIFAR10 --torch-python PATH [--json FILE]
       python benchmarks/quality.py --data DATA --minutes 10 --only ours --options "--filters 64"
       python benchmarks/quality.py --set adventurer --data FACES --only ours --steps 26250    (as many on any machine)
       python benchmarks/quality.py --data DATA --peer keras-ada --judges all --judge-packages FOLDER
       python benchmarks/quality.py            (the embedded drawings, one minute)

A single word behind --options or --peer-options needs the sign =, as in --peer-options=--bfloat16.

Each set is split by a seeded permutation into held-out images and training images. Then `train.py --minutes M` and the
peer (benchmarks/peer/: the DCGAN of PyTorch's tutorial by default) train one after the other, each in a process of its
own with the machine to itself, from the same array; time counts from the first step on. Both generate as many images,
and the held-out images are the measure for both. "real" is the floor: training images measured in the same way. Prints
a Markdown table, and where there are two judges or more whether ours are better by them (benchmarks/judges/verdict.py).
Beside the file of `--json` there is a page of the first 64 images of each. Figures are as good as the machine is quiet:
see `load_before` in the JSON.
"""

import argparse
import contextlib
import tempfile
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from comparison.contestants import Contestant, chunks_of, start_peer, train_ours, train_peer
from comparison.sets import SETS, Split, Task, split_set, tasks_of
from judges.panel import OWN, Judge, add_judges, chosen_judges, open_networks, require_packages, seat
from judges.verdict import ENOUGH, compared, is_better
from peer.process import PEERS, Peer, add_torch_python
from reporting.program import exit_status_of, write_figures
from reporting.quality_table import describe
from reporting.report import save_page, say, sheets_side_by_side

from dcgan_hub import __version__
from dcgan_hub.errors import SettingsError
from dcgan_hub.images.grids import save_png
from dcgan_hub.keras_startup import import_keras_quietly

if TYPE_CHECKING:
    from dcgan_hub.evaluation.evaluator import Evaluator
    from dcgan_hub.evaluation.results import Measures


def run_task(task: Task, options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Splits, trains, measures one set. Returns what goes into the JSON file."""
    folder.mkdir(parents=True)
    split = split_set(task, options.seed, folder)
    if options.only != "ours":  # refuses wrong options before any time is spent
        start_peer(split, ["--seconds", "0"], options)
    contestants = [train_ours(task, split, options, folder)] if options.only != "peer" else []
    contestants += [train_peer(task, split, options, folder)] if options.only != "ours" else []

    import_keras_quietly()
    from dcgan_hub.evaluation.evaluator import Evaluator

    real = max(split.training, split.unused, key=len)  # the training images; of 500 the many that were left out
    floor = Contestant("real", "training images", {}, real[: task.count])
    evaluator = Evaluator(split.held_out, count=task.count)
    judges = judges_for(task, split, options)
    rows = [measured(floor, Evaluator(split.held_out, count=len(floor.images)), judges)]
    rows += [measured(contestant, evaluator, judges) for contestant in contestants]
    fids = {row["label"]: row["measures"]["fid"] for row in rows}
    result = {
        "task": asdict(task),
        "training_images": len(split.training),
        "held_out_images": len(split.held_out.images),
    }
    result |= {"image_shape": list(split.training.shape[1:]), "results": rows}
    result["fid_ratio"] = fids["dcgan_hub"] / fids["peer"] if {"dcgan_hub", "peer"} <= set(fids) else None
    if {"dcgan_hub", "peer"} <= set(fids) and len(judges) >= ENOUGH:
        result |= judged(rows)
    if options.json is not None:
        for contestant in contestants:
            save_page(contestant.images, options.json.with_name(page_name(options.json, task, contestant)))
    if options.sheets is not None:
        shown = [("real images, held out", np.asarray(split.held_out.images))]
        shown += [(f"{c.title}, FID {fids[c.label]:.0f}", c.images) for c in reversed(contestants)]
        save_png(sheets_side_by_side(shown), options.sheets / f"{task.name}.png", dict([task.length]))
    return result


def page_name(figures: Path, task: Task, contestant: Contestant) -> str:
    """The file of a contestant's page, beside the figures."""
    return f"{figures.stem}-{task.name}-{contestant.label}.png"


def judges_for(task: Task, split: Split, options: argparse.Namespace) -> list[Judge]:
    """The chosen judges with the held-out images before them; none if only the package's own network is asked."""
    if options.judges == [OWN]:
        return []
    networks = open_networks(options.judges, options.judge_packages, split.training.shape[1])
    return seat(networks, split.held_out, task.count)


def judged(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """What the judges say of ours compared with the peer, and whether ours count as better."""
    ours, peer = (next(row["judges"] for row in rows if row["label"] == label) for label in ("dcgan_hub", "peer"))
    opinions = compared(ours, peer)
    return {"opinions": {name: said.value for name, said in opinions.items()}, "better": is_better(opinions.values())}


def measured(contestant: Contestant, evaluator: "Evaluator", judges: list[Judge]) -> dict[str, Any]:
    """Facts and figures of one contestant."""
    measures: Measures = evaluator.measure(partial(chunks_of, contestant.images))
    row = {**contestant.facts, "label": contestant.label, "recipe": contestant.recipe}
    row |= {"measures": measures.to_dict(), "notes": measures.notes(), "protocol": measures.protocol.describe()}
    return row | {"judges": {judge.name: judge.distances(contestant.images).to_dict() for judge in judges}}


def run(options: argparse.Namespace) -> None:
    """Runs every set, and writes the JSON file after each, so that an interruption loses one set only."""
    tasks = tasks_of(options)
    options.judges = chosen_judges(options.judges)
    require_packages(options.judges, options.judge_packages)
    peer: Peer = PEERS[options.peer]
    if options.only is None and not peer.python(options.torch_python):
        say("Without --torch-python there is nothing to compare with: --only ours.")
        options.only = "ours"
    if options.only == "peer" and not peer.python(options.torch_python):
        raise SettingsError(
            f"The peer needs --torch-python. Received: none. Give a Python with `pip install {peer.packages}`."
        )
    if options.keep is not None and options.keep.exists():
        raise SettingsError(f"--keep needs a new folder. Received: {options.keep}, which exists. Name another one.")
    results: list[dict[str, Any]] = []
    keeping = contextlib.nullcontext(options.keep) if options.keep else tempfile.TemporaryDirectory()
    with keeping as folder:
        for number, task in enumerate(tasks):
            results.append(run_task(task, options, Path(folder).resolve() / f"{number}-{task.name}"))
            if len(tasks) > 1:
                say(describe(results[-1:]))
            write_figures(options.json, {"dcgan_hub": __version__, "sets": results})
    print(describe(results))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = ", ".join(f"{name} ({row.size} pixels, {row.minutes:g} min)" for name, row in SETS.items())
    parser.add_argument("--data", nargs="+", metavar="DATA", help="sets, each as for --data of train.py [avatars]")
    parser.add_argument("--set", nargs="+", choices=SETS, metavar="NAME", help=f"what DATA are, in order: {known}")
    parser.add_argument("--minutes", type=float, help="of training for each [of the set, or 10]")
    parser.add_argument("--steps", type=int, metavar="N", help="with --only ours, in place of --minutes")
    parser.add_argument("--size", type=int, help="pixels a side [of the set, or as the images are]")
    parser.add_argument("--limit", type=int, metavar="N", help="train on N images only [all that are not held out]")
    parser.add_argument("--held-out", type=int, metavar="N", help="images to measure against [5000]")
    parser.add_argument("--count", type=int, metavar="N", help="images to generate [5000]")
    parser.add_argument("--seed", type=int, default=0, help="of the split and of both trainings [0]")
    parser.add_argument("--peer", choices=PEERS, default="tutorial", help="what is trained beside ours [tutorial]")
    add_torch_python(parser)
    add_judges(parser)
    parser.add_argument("--only", choices=["ours", "peer"], help="train one of the two")
    parser.add_argument("--options", default="", metavar="TEXT", help="of train.py for ours, as in '--filters 64'")
    parser.add_argument("--peer-options", default="", metavar="TEXT", help="as in '--channels-last --bfloat16'")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="figures, settings and protocols, and pages of images beside it"
    )
    parser.add_argument("--sheets", type=Path, metavar="FOLDER", help="a picture for each set, sheets side by side")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep arrays and runs in this new folder")
    options = parser.parse_args()
    return exit_status_of(lambda: run(options))


if __name__ == "__main__":
    raise SystemExit(main())
