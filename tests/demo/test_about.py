"""The About tab: facts as texts, code that runs, and a link that is ours."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from gradio_client import Client

from dcgan_hub.bundle.format import BundleFacts, DatasetFacts, WeightFacts, read_facts
from dcgan_hub.bundle.generator import Generator
from dcgan_hub.demo.catalog.models import ModelRegistry
from dcgan_hub.demo.catalog.runs import RunShelf
from dcgan_hub.demo.tabs.about import about, code_for, describe, keras_code_for, repository_of

from .conftest import HOSTILE, RunningApp, make_generator, make_run

if TYPE_CHECKING:
    from local_hub import LocalHub

COMMIT = "0123456789" * 4


def some_facts(**changes: Any) -> BundleFacts:
    facts = BundleFacts(
        network=make_generator(1).settings,
        weights=WeightFacts(dtype="F32", sha256="ab" * 32),
        training={"step": 500, "images_seen": 16000, "seconds": 95.0, "parameters": {"discriminator": 1234},
                  "hardware": {"processor": "Abacus", "cores": 2, "gpus": ["Ada"]}},
        dataset=DatasetFacts(name="faces", fingerprint="ff", count=2000, licence="cc0-1.0", hub_id="anna/faces-64"),
        metrics={"kid": 0.0123},
        versions={"keras": "3.15.1"},
    )  # fmt: skip
    return dataclasses.replace(facts, **changes)


def test_the_facts_are_those_of_the_card() -> None:
    told = describe(some_facts())
    assert told["images"] == "16 × 16 pixels, 3 channels (color)"
    assert told["learned from"] == "faces, 2,000 images"
    assert told["dataset on the Hub"] == "anna/faces-64"
    assert told["license of the images"] == "cc0-1.0"
    assert told["hardware"] == "Abacus, 2 cores, Ada"
    assert told["KID (lower is better)"] == "0.0123"
    assert (told["steps"], told["time of training"]) == ("500", "95 s")


def test_facts_of_strangers_may_be_anything_plain() -> None:
    training = {"step": "many", "seconds": -1, "hardware": [HOSTILE], "parameters": {"discriminator": HOSTILE}}
    told = describe(some_facts(training=training, dataset=None, metrics={HOSTILE: 1e300}, versions={HOSTILE: HOSTILE}))
    assert "steps" not in told
    assert told["license of the images"] == "unknown"
    assert max(map(len, told.values())) < 200


def test_a_generator_is_of_the_hub_only_where_its_folder_is_a_commit() -> None:
    assert repository_of(f"anna/faces@{COMMIT}", COMMIT) == ("anna/faces", COMMIT)
    assert repository_of("anna/faces", COMMIT) == ("anna/faces", COMMIT)
    for name, revision in (
        ("runs/faces", COMMIT),
        ("model/faces", COMMIT),
        ("avatars", COMMIT),
        ("anna/faces", "ab12"),
    ):
        assert repository_of(name, revision) is None


def test_the_code_names_the_revision_and_quotes_what_it_names() -> None:
    code = code_for("anna/faces", ("anna/faces", COMMIT))
    assert f'Generator.from_pretrained("anna/faces", revision="{COMMIT}")' in code
    assert 'from_pretrained("avatars")' in code_for("avatars", None)
    assert r'from_pretrained("runs/a\"b")' in code_for('runs/a"b', None)
    assert 'load_checkpoint_generator(Path("runs/a"), 500)' in code_for("runs/a@step-00000500", None)
    assert '("runs/\U0001f600é")' in code_for("runs/\U0001f600é", None).replace("'", '"')
    for name in ("avatars", 'runs/a"); import os; os.system("x', "runs/a@step-00000500", "model/x"):
        compile(code_for(name, None), "code", "exec")
    assert keras_code_for(("anna/faces", COMMIT), some_facts(weights=WeightFacts(dtype="F16", sha256="ab" * 32))) == ""


def test_the_code_draws_what_the_app_draws(hub: "LocalHub", tmp_path: Path) -> None:
    saved = make_generator(3)
    folder = saved.save_pretrained(tmp_path / "bundle")
    commit = hub.plant("anna/faces", {path.name: path.read_bytes() for path in folder.iterdir()})
    facts, repository = read_facts(folder / "dcgan.json"), ("anna/faces", commit)
    for code in (code_for("anna/faces", repository), keras_code_for(repository, facts)):
        names: dict[str, Any] = {}
        exec(code, names)
        np.testing.assert_array_equal(names["images"], saved.generate(range(16)))


def test_the_tab_links_to_the_repository_on_the_hub_that_is_asked(
    hub: "LocalHub", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_generator(3).save_pretrained(tmp_path / "bundle")
    commit = hub.plant("anna/faces", {path.name: path.read_bytes() for path in folder.iterdir()})
    registry = ModelRegistry(RunShelf(tmp_path / "runs"), ["anna/faces"])
    html, code, keras_code = about(registry, "anna/faces")
    assert html.count("href=") == 1
    assert f"/anna/faces/tree/{commit}'" in html
    assert commit in code
    assert commit in keras_code

    html, code, keras_code = about(registry, "avatars")
    assert "href" not in html
    assert keras_code == ""


def test_texts_of_a_bundle_are_escaped_and_a_damaged_one_is_explained(tmp_path: Path) -> None:
    run = make_run(tmp_path / "<b>bold")
    generator = make_generator(1)
    dataset = DatasetFacts(name=HOSTILE, fingerprint=HOSTILE, count=1, licence=HOSTILE)
    generator.facts = BundleFacts(network=generator.settings, dataset=dataset, metrics={HOSTILE: 1.0})
    generator.save_pretrained(run.generator)
    registry = ModelRegistry(RunShelf(tmp_path))
    html, code, _ = about(registry, "runs/<b>bold")
    assert "&lt;script&gt;" in html and "<script" not in html and "<b>" not in html and "<img" not in html
    assert Generator.from_pretrained(run.path).facts.dataset.name == HOSTILE

    (run.generator / "dcgan.json").write_text("{")
    html, code, _ = about(registry, "runs/<b>bold")
    assert "must be JSON" in html
    assert code == ""
    for name in ("runs/../secret", "/etc", "nothing", None, ""):
        assert "<table" not in about(registry, name)[0]


def test_facts_are_an_endpoint(client_of_about: Client) -> None:
    assert client_of_about.predict("model/grey", api_name="/facts")["images"] == "16 × 16 pixels, 1 channel (gray)"


@pytest.fixture
def client_of_about(app: RunningApp, tmp_path: Path) -> Client:
    return Client(app.url, verbose=False, download_files=str(tmp_path))
