"""Words of commands that are printed for people to copy."""

import subprocess
from pathlib import Path

import pytest

from dcgan_hub.console import shell_word


@pytest.mark.parametrize(
    "name",
    ["plain-1.0", "My Anime Faces", "it's", 'a "b"', "$HOME", "`id`", "~", "~/faces", "Bilder-Ä", "顔", "a\nb", "*.png",
     "a\\b", "#1", "a;b", "!!", ""],
)  # fmt: skip
def test_a_shell_reads_a_word_as_it_was(name):
    result = subprocess.run(["sh", "-c", f"printf %s {shell_word(name)}"], capture_output=True, check=True)
    assert result.stdout.decode() == name


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("runs/a", "runs/a"),
        (Path("runs/a b"), "'runs/a b'"),
        ("-x", "./-x"),
        ("--data", "./--data"),
        ("-x y", "'./-x y'"),
    ],
)
def test_a_word_is_quoted_where_it_must_be_and_is_never_an_option(name, word):
    assert shell_word(name) == word
