"""Damaged, foreign and hostile bundles are refused by our own error, at once, and before anything large is made."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import hostile_classes  # noqa: F401 - these five fill ATTACKS
import hostile_facts  # noqa: F401
import hostile_folders  # noqa: F401
import hostile_palette  # noqa: F401
import hostile_seamless  # noqa: F401
import hostile_weights  # noqa: F401
import pytest
from hostile_bundles import ATTACKS, FACTS, WEIGHTS

GOLDEN = Path(__file__).parent.parent / "golden" / "tiny-bundle"
RUNNER = Path(__file__).parent / "attack_runner.py"
WAITING = ".model.safetensors.next"
MAX_SECONDS = 5
MAX_BYTES = 500 * 10**6
MESSAGE_LENGTH = 1500


def lay_pipes_and_pickles(bundle: Path) -> Path:
    """Opening a pipe would wait for ever, so whoever looked into one of these files would not come back."""
    for name in ("config.json", "metadata.json", "model.weights.h5", "README.md", "samples.png", "run.json"):
        os.mkfifo(bundle / name)
    for name in ("pickle.pkl", "dcgan_hub.py", "numpy.py", "conftest.py", "__init__.py", "sitecustomize.py"):
        (bundle / name).write_text("import os; os._exit(13)")
    return bundle


def lay_hostile_lambda(bundle: Path) -> Path:
    layer = {
        "class_name": "Lambda",
        "config": {"function": {"class_name": "__lambda__", "config": {"code": "4wAAAA=="}}},
    }
    (bundle / "config.json").write_text(json.dumps({"class_name": "Functional", "config": {"layers": [layer]}}))
    return bundle


def lay_strange_names(bundle: Path) -> Path:
    for name in ("\x1b]0;owned\x07", "..\\..\\evil", "\u202egnp.exe", "...", "-rf", "x" * 255):
        (bundle / name).write_text("")
    return bundle


def cache_of_the_hub(bundle: Path, shared: bool) -> Path:
    """The bundle as huggingface_hub lays it: a snapshot of links to blobs, which may lie in a common store."""
    cache = bundle.parent / f"{bundle.name} cache"
    repository, digest = cache / "models--ada--cats", "ab" + "0" * 62
    snapshot = repository / "snapshots" / ("0123456789" * 4)
    snapshot.mkdir(parents=True)
    (repository / "blobs").mkdir()
    (bundle / FACTS).rename(repository / "blobs" / "facts")
    (bundle / WEIGHTS).rename(repository / "blobs" / digest)
    if shared:
        (cache / "blobs" / "ab").mkdir(parents=True)
        (repository / "blobs" / digest).rename(cache / "blobs" / "ab" / digest)
        (repository / "blobs" / digest).symlink_to(f"../../blobs/ab/{digest}")
    (snapshot / FACTS).symlink_to("../../blobs/facts")
    (snapshot / WEIGHTS).symlink_to(f"../../blobs/{digest}")
    return snapshot


def reach_by_link(bundle: Path) -> Path:
    link = bundle.parent / f"{bundle.name} link"
    link.symlink_to(bundle)
    return link


def link_within(bundle: Path) -> Path:
    (bundle / "deep").mkdir()
    (bundle / WEIGHTS).rename(bundle / "deep" / "weights")
    (bundle / WEIGHTS).symlink_to("deep/weights")
    return bundle


HARMLESS: dict[str, Callable[[Path], Path]] = {
    "as it is": lambda bundle: bundle,
    "beside pipes and code": lay_pipes_and_pickles,
    "beside a hostile Lambda": lay_hostile_lambda,
    "beside strange names": lay_strange_names,
    "in the Hub's cache": lambda bundle: cache_of_the_hub(bundle, shared=False),
    "in the Hub's cache, shared": lambda bundle: cache_of_the_hub(bundle, shared=True),
    "reached by a link": reach_by_link,
    "with a link that stays": link_within,
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    """What came of opening every bundle, all in one process whose memory is limited."""
    root = tmp_path_factory.mktemp("bundles")
    paths = {}
    for number, (name, damage) in enumerate(
        [*((name, attack.damage) for name, attack in ATTACKS.items()), *HARMLESS.items()]
    ):
        bundle = Path(shutil.copytree(GOLDEN, root / str(number)))
        paths[name] = str(damage(bundle) or bundle)
    (root / "paths.json").write_text(json.dumps(paths))
    result = subprocess.run(
        [sys.executable, RUNNER, root / "paths.json"], capture_output=True, text=True, timeout=300, cwd=root
    )
    assert result.returncode == 0, result.stderr[-3000:]
    found = json.loads(result.stdout)
    return {name: found[name] | {"path": paths[name]} for name in paths}


def test_there_are_enough_attacks():
    assert len(ATTACKS) >= 45


@pytest.mark.parametrize("name", ATTACKS)
def test_it_is_refused(outcomes, name):
    outcome, attack = outcomes[name], ATTACKS[name]

    assert outcome["error"] == "BundleError", outcome["message"]
    assert re.search(rf"{re.escape(attack.file)}.*{attack.reason}", outcome["message"]), outcome["message"]
    assert "Received: " in outcome["message"]
    assert outcome["message"].isprintable() and len(outcome["message"]) <= MESSAGE_LENGTH
    assert outcome["seconds"] < MAX_SECONDS
    assert outcome["growth"] < MAX_BYTES
    assert foreign_events(outcome) == []


@pytest.mark.parametrize("name", HARMLESS)
def test_what_lies_beside_a_good_bundle_is_never_opened(outcomes, name):
    outcome = outcomes[name]

    assert outcome["error"] == "", outcome["message"]
    assert outcome["pixels"] and outcome["pixels"] == outcomes["as it is"]["pixels"]
    assert foreign_events(outcome) == []
    assert len(outcome["events"]) == 2, "the two files, each opened once"


def foreign_events(outcome: dict) -> list:
    """What happened while a bundle was opened, but for reading its own files."""
    folder = Path(outcome["path"])
    own = {os.path.realpath(folder / name) for name in (FACTS, WEIGHTS, WAITING)}
    return [event for event in outcome["events"] if event[0] != "open" or os.path.realpath(event[1]) not in own]
