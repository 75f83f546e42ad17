"""The classes of points: those that their texts name, and those that their seeds draw."""

import pytest
from latent_space import Space

from dcgan_hub.errors import SettingsError
from dcgan_hub.networks.breeding import children, shares_of
from dcgan_hub.networks.classes import draw_classes
from dcgan_hub.networks.point_classes import class_shares, named_shares, with_class
from dcgan_hub.networks.point_syntax import around, center_of, parse_point, parse_points

COUNT = 7
NAMES = tuple(f"class {number}" for number in range(COUNT))


def drawn(seed: int) -> int:
    return int(draw_classes([seed], COUNT)[0])


@pytest.mark.parametrize(
    ("text", "shares"),
    [
        ("42c3", {3: 1}),
        ("(1.2)c0", {0: 1}),
        ("42c3_1@2", {3: 1}),
        ("42c3~7@0.9", {3: 1}),  # a variation stays in its class
        ("42~7c5@0.1", {5: 1}),
        ("42c3~7c5@0.25", {3: 0.75, 5: 0.25}),
        ("42c3~7c3@0.25", {3: 1}),
        ("42c3~7@1", {3: 1}),
        ("1c2.3.4c5.6c5", {2: 1 / 3, 5: 2 / 3}),
        ("1c2-3c4+5c6", {2: 1}),
        ("(1c0~2c1@0.5)~(3c2~4@0.5)@0.5", {0: 0.25, 1: 0.25, 2: 0.5}),
        ("(42c3~7c5@0.3)c1", {1: 1}),
        ("zAEBAGBAFc2", {2: 1}),
    ],
)
def test_classes_that_a_text_names_count(text: str, shares: dict[int, float]) -> None:
    assert parse_point(text).text == text
    assert named_shares(parse_point(text)) == pytest.approx(shares)
    assert class_shares(parse_point(text), COUNT) == named_shares(parse_point(text))


@pytest.mark.parametrize(
    ("text", "seed", "said"),
    [
        ("42", 42, "42c{}"),
        ("42~7@0.3", 42, "(42~7@0.3)c{}"),
        ("42~7@0.6", 7, "(42~7@0.6)c{}"),
        ("1-2c4+3c5", 1, "(1-2c4+3c5)c{}"),
        ("9_1@2", 9, "(9_1@2)c{}"),
    ],
)
def test_other_points_are_of_the_class_of_their_seed_and_can_say_so(text: str, seed: int, said: str) -> None:
    point = parse_point(text)
    assert class_shares(point, COUNT) == {drawn(seed): 1.0}
    named = with_class(point, COUNT)
    assert named.text == said.format(drawn(seed)) and parse_point(named.text) == named
    assert with_class(named, COUNT) is named and with_class(point, 0) is point


def test_a_class_belongs_to_the_operand_before_it() -> None:
    assert parse_point("(42c3)c5").text == "42c5"
    assert parse_point("(42c3)~7@0.5").text == "42c3~7@0.5"
    assert [point.text for point in parse_points("5-7c3, 8", 9)] == ["5c3", "6c3", "7c3", "8"]
    assert [point.text for point in parse_points(around(parse_point("2c4"), 0.3, 3), 9)] == [
        "2c4", "2c4~3@0.3", "2c4~4@0.3"
    ]  # fmt: skip
    assert center_of("2c4, 2c4~3-5@0.3") == "2c4"


@pytest.mark.parametrize("text", ["42c", "42c01", "42c1000", "42c-1", "c3", "42C3", "42c3c5", "5-9c", "5-9c01"])
def test_what_names_no_class_is_explained(text: str) -> None:
    with pytest.raises(SettingsError, match="invalid from character"):
        parse_points(text, 99)


@pytest.mark.parametrize(
    ("text", "names", "sentence"),
    [
        ("42c3", (), "for generators with classes. Received: 42c3 for one without. Try 42."),
        ("1-2c1+3", (), "Received: 2c1 for one without. Try 2."),
        ("42c7", NAMES, "must be 0 to 6. Received: 7 in 42c7. Try c0, 'class 0'."),
        ("1-2c999+3", NAMES, "must be 0 to 6. Received: 999 in 2c999."),
    ],
)
def test_a_class_that_the_generator_lacks_is_explained(text: str, names: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        parse_point(text).latent(Space(5, names))
    assert sentence in str(refusal.value)


def test_children_are_of_the_classes_of_their_parents() -> None:
    """The new seed of a child names no class, so it changes none."""
    assert {name for name in shares_of(parse_point("(1.2.2c5)c4"))} == {"1c4", "2c4"}
    for child in children([parse_point("1c2"), parse_point("3c5~4@0.5")]):
        shares = named_shares(child)
        assert shares and set(shares) <= {2, 5} and child == parse_point(child.text)
