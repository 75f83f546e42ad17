"""The scripts of the page refuse hostile bundles as Python does: by a sentence, and before anything large is made."""

import shutil
from pathlib import Path

import hostile_classes  # noqa: F401 - these five fill ATTACKS
import hostile_facts  # noqa: F401
import hostile_folders  # noqa: F401
import hostile_seamless  # noqa: F401
import hostile_weights  # noqa: F401
from hostile_bundles import ATTACKS, FACTS, WEIGHTS
from page_engine import run_engine

GOLDEN = Path(__file__).parent.parent / "golden" / "tiny-bundle"
MAX_BYTES = 5_000_000  # of a file; larger ones are refused by their size, before they are read
UNUSED = ("training", "versions", "dataset.", "metrics.kid")  # facts that the page shows as text, or not at all
# To JavaScript 6.0 is 6, and the last of two values of one name is the only one. The SHA-256 is checked on downloads.
UNSEEN = (
    "format_version' 1.0",
    "classes 3.0",
    "' 6.0",
    "shape [8.0",
    "offsets [0.0",
    "a name twice",
    "metadata that",
    "one bit flipped",
)


def is_harmless(attack: str) -> bool:
    return attack.startswith(UNUSED) or any(part in attack for part in UNSEEN)


def test_hostile_bundles_are_refused_by_the_page(tmp_path: Path) -> None:
    folders = {}
    for number, (name, attack) in enumerate(ATTACKS.items()):
        bundle = tmp_path / str(number)
        shutil.copytree(GOLDEN, bundle)
        attack.damage(bundle)
        files = [bundle / FACTS, bundle / WEIGHTS]
        if all(file.is_file() and not file.is_symlink() and file.stat().st_size < MAX_BYTES for file in files):
            folders[str(bundle)] = name
    answers = run_engine(tmp_path, "refusals", folders=[*folders, str(GOLDEN)])
    assert answers.pop(str(GOLDEN)) == ""
    refusals = {folders[folder]: sentence for folder, sentence in answers.items()}
    assert [name for name, sentence in refusals.items() if not sentence and not is_harmless(name)] == []
    sentences = [sentence for sentence in refusals.values() if sentence]
    assert len(sentences) > 70
    assert all(". Received: " in text and text.endswith(".") and text.isprintable() for text in sentences)
    assert max(map(len, sentences)) < 700
