"""Children: whose seeds they have, how much is new, and that there is no end to it."""

import functools
from collections import Counter

import numpy as np
import pytest

from dcgan_hub.errors import SettingsError
from dcgan_hub.networks.breeding import CHILDREN, children
from dcgan_hub.networks.point_syntax import MAX_CHARACTERS, parse_point, parse_points

Z = 512


@functools.cache
def vector(seed: int) -> np.ndarray:
    return np.random.RandomState(seed).standard_normal(Z)


def direction(text: str) -> np.ndarray:
    """The direction of a mean such as 3.3.7, written once more."""
    total = sum(vector(int(seed)) for seed in text.split("."))
    return total / np.linalg.norm(total)


def family(parents: str, first: int = 0) -> list[str]:
    return [child.text for child in children(parse_points(parents, 8), first)]


def test_equal_parents_have_equal_children_on_every_machine() -> None:
    assert family("3, 7")[:8] == [
        "3.7",
        "7.7.7.3.3.2698",
        "7.7.7.3.3.7280.7280",
        "7.7.9314.9314.3",
        "7.7.7.7.3",
        "3.3.3.7.4379",
        "3.3.3.3.1448.1448.7",
        "3.3.6434.6434.7",
    ]


@pytest.mark.parametrize("parents", ["3, 7", "3, 7, 8", "3.3.7, 8", "1, 2, 3, 4, 5, 6, 7, 8"])
def test_the_first_child_is_the_mean_and_the_others_are_mixed_in_other_ways(parents: str) -> None:
    texts = family(parents)
    vectors = [direction(parent) for parent in parents.split(", ")]
    assert np.dot(direction(texts[0]), np.mean(vectors, 0) / np.linalg.norm(np.mean(vectors, 0))) > 0.99
    assert len(set(texts)) == CHILDREN
    assert not set(texts) & set(parents.split(", "))

    inherited = set(parents.replace(", ", ".").split("."))
    new = [[seed for seed in Counter(text.split(".")) if seed not in inherited] for text in texts]
    assert all(len(seeds) <= 1 for seeds in new)
    assert all(bool(seeds) == bool(index % 4) for index, seeds in enumerate(new))  # every fourth has only the parents
    strangeness = [
        np.dot(direction(text), direction(seeds[0])) if seeds else 0.1 for text, seeds in zip(texts, new, strict=True)
    ]
    assert (np.diff(np.reshape(strangeness, (4, 4)), axis=1) > 0).all()  # and from left to right more is new


def test_a_single_parent_has_variations() -> None:
    texts = family("42")
    likeness = np.array([np.dot(direction(text), direction("42")) for text in texts]).reshape(4, 4)
    assert (likeness > 0.6).all() and (np.diff(likeness, axis=1) < 0).all()
    assert "42" not in texts


def test_another_number_gives_other_children_of_the_same_parents() -> None:
    seen = set(family("3, 7")[1:])
    for first in (1, 2, 1_000_000):
        others = family("3, 7", first)
        assert others == family("3, 7", first)
        assert not seen & {text for index, text in enumerate(others) if index % 4}  # new seeds each time
        seen.update(others)


def test_a_walk_passes_on_what_it_is_between() -> None:
    first = children(parse_points("1~2@0.5, 3", 8))[0]
    halfway = vector(1) + vector(2)
    expected = halfway / np.linalg.norm(halfway) + direction("3")
    assert np.dot(direction(first.text), expected / np.linalg.norm(expected)) > 0.98


def test_any_number_of_generations_keeps_short_texts_and_varied_children() -> None:
    random = np.random.RandomState(0)
    parents = parse_points("1, 2", 8)
    for generation in range(60):
        litter = children(parents, generation)
        assert all(len(child.text) <= MAX_CHARACTERS // 2 for child in litter)
        assert [parse_point(child.text) for child in litter] == litter
        latents = np.stack([direction(child.text) for child in litter])
        assert np.sort(latents @ latents.T, axis=1)[:, 0].max() < 0.95  # each has a sibling that looks different
        parents = [litter[index] for index in random.choice(CHILDREN, 1 + generation % 8, replace=False)]


def test_the_parts_of_a_formula_are_passed_on_together() -> None:
    texts = family("1-2+3, 5")
    assert texts[0] == "(1-2+3).5"
    assert all(parse_point(text).text == text for text in texts)


@pytest.mark.parametrize(
    ("parent", "sentence"),
    [
        ("-".join([".".join(["1000000000"] * 12)] * 2) + "+" + ".".join(["1000000000"] * 12), "a parent of 395"),
        ("(" * 6 + "1-2+3" + ")-2+3" * 6, "nested 6 deep"),
    ],
)
def test_a_parent_that_no_child_could_name_is_explained(parent: str, sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        family(parent)
