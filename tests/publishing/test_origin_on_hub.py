"""A pushed run as the origin of another one: its discriminator goes along, and is trusted as little as the rest."""

import dataclasses

import numpy as np
import pytest
from local_hub import LocalHub

from dcgan_hub import Generator
from dcgan_hub.bundle.card import make_card
from dcgan_hub.bundle.discriminator import DISCRIMINATOR_FILE
from dcgan_hub.bundle.publication import Target
from dcgan_hub.cli import main
from dcgan_hub.errors import HubError
from dcgan_hub.publishing.push import push
from dcgan_hub.runs.checkpoint_generator import read_checkpoint_discriminator
from dcgan_hub.runs.directory import RunDirectory
from dcgan_hub.runs.origin import read_origin

ID = "tester/squares"


def test_a_pushed_run_is_an_origin_with_its_discriminator(
    hub: LocalHub, token, squares_run: RunDirectory, squares, tmp_path, capsys
):
    push("squares", squares_run.generator, Target(repo_id=ID), licence="cc-by-4.0")
    generator = Generator.from_pretrained(ID)
    assert not [record.path for record in hub.requests if record.method != "POST" and "discriminator" in record.path]

    origin = read_origin(ID)
    given = (origin.facts.name, origin.facts.hub_id, origin.facts.commit, origin.facts.licence, origin.facts.step)
    assert given == (ID, ID, hub.head(ID), "cc-by-4.0", 9)
    expected = read_checkpoint_discriminator(squares_run.path, 9)
    assert origin.discriminator is not None and origin.discriminator.keys() == expected.keys()
    assert all(np.array_equal(origin.discriminator[name], expected[name]) for name in expected)

    facts = dataclasses.replace(generator.facts, training=generator.facts.training | {"start": origin.facts.to_dict()})
    card = make_card(facts, "tester/other", [])
    assert f"base_model: {ID}\n" in card and "has the license cc-by-4.0" in card and "license: unknown\n" in card
    assert f"--start-from {ID}@{hub.head(ID)}" in card

    files = hub.files(ID)
    hub.plant("tester/large", files, declared_sizes={DISCRIMINATOR_FILE: 10 * 2**30})
    with pytest.raises(HubError, match=r"discriminator\.safetensors in tester/large may have at most"):
        read_origin("tester/large")
    hub.plant("tester/lies", files | {DISCRIMINATOR_FILE: bytes(len(files[DISCRIMINATOR_FILE]))})
    words = ["train", "--data", str(squares), "--run", str(tmp_path / "run"), "--start-from", "tester/lies"]
    assert main(words) == 2 and not (tmp_path / "run").exists()
    said = capsys.readouterr().err.strip()
    assert "a header that fits the file" in said and "\n" not in said, said
