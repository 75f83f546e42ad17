"""The names of points: what they mean as vectors, and what is no name."""

import math

import numpy as np
import pytest
from latent_space import Space

from dcgan_hub.errors import SettingsError
from dcgan_hub.networks.latent_points import Seed, plane, turn
from dcgan_hub.networks.point_syntax import MAX_CHARACTERS, around, center_of, parse_point, parse_points

Z = 12


def vector(seed: int) -> np.ndarray:
    """The latent vector of a seed, written once more."""
    return np.random.RandomState(seed).standard_normal(Z)


def latent(text: str) -> np.ndarray:
    return parse_point(text).latent(Space(Z))


def test_a_seed_is_its_vector() -> None:
    np.testing.assert_array_equal(latent("42"), vector(42).astype(np.float32))
    np.testing.assert_array_equal(latent("(42)"), latent("42"))


def test_a_turn_keeps_to_the_sphere() -> None:
    start, end = vector(42), vector(7)
    angle = math.acos(np.dot(start, end) / np.linalg.norm(start) / np.linalg.norm(end))
    here = latent("42~7@0.3")
    assert math.isclose(
        math.acos(np.dot(here, start) / np.linalg.norm(here) / np.linalg.norm(start)), 0.3 * angle, rel_tol=1e-4
    )
    assert math.isclose(np.linalg.norm(here), 0.7 * np.linalg.norm(start) + 0.3 * np.linalg.norm(end), rel_tol=1e-5)
    np.testing.assert_array_equal(latent("42~7@0"), latent("42"))
    np.testing.assert_array_equal(latent("42~7@1"), latent("7"))


def test_a_mean_and_a_mix_have_their_direction_and_the_typical_length() -> None:
    def expected(total: np.ndarray) -> np.ndarray:
        return total / np.linalg.norm(total) * math.sqrt(Z)

    mean = (vector(1) + vector(2) + vector(3)) / 3
    np.testing.assert_allclose(latent("1.2.3"), expected(mean), rtol=1e-5)
    mixed = mean - (vector(4) + vector(5)) / 2 + vector(6)
    np.testing.assert_allclose(latent("1.2.3-4.5+6"), expected(mixed), rtol=1e-5)


def test_a_mix_that_cancels_itself_is_explained() -> None:
    """In one dimension a mean of one seed is 1 or -1, by the seed's sign."""
    assert vector(0)[0] > 0 > np.random.RandomState(2).standard_normal(1)[0]
    with pytest.raises(SettingsError, match="cancel out"):
        parse_point("(0.0).(2.2)").latent(Space(1))


@pytest.mark.parametrize(
    "text",
    ["0", "4294967295", "42~7@0.3", "1.2.3", "1.2-3.4+5.6", "(1-2+3)~7@0.25", "(1~2@0.1)~(3~4@0.1)@0.5", "(1~2@0.5).3"],
)
def test_a_name_is_its_own_canonical_form(text: str) -> None:
    point = parse_point(text)
    assert point.text == text
    assert parse_point(point.text) == point


@pytest.mark.parametrize(
    ("text", "canonical"), [("(42)", "42"), ("((1))~(2)@0.50", "1~2@0.5"), ("(1.2)", "1.2"), ("1~2@1.000", "1~2@1")]
)
def test_equal_points_have_equal_names(text: str, canonical: str) -> None:
    assert parse_point(text).text == canonical


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "-1", "+1", "01", "1.5e3", "seven", "4294967296", "1~2", "1~2@", "1~2@1.5", "1~2@-0.1", "1~2@0.123456",
        "1-2", "1+2", "1-2+3+4", "1--2+3", "(1", "1)", "()", "1..2", "1 2", "1,2", "<b>1</b>", "../1", "١", "²",
        "1~2@0.5.3", "1~2~3@0.5", "nan", "1\n",
    ],
)  # fmt: skip
def test_what_is_no_point_is_explained(text: str) -> None:
    with pytest.raises(SettingsError, match="A seed is a whole number from 0 to 4294967295"):
        parse_point(text)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("(" * 7 + "1" + ")" * 7, "nested 6 deep"),
        (".".join(["1"] * 17), "at most 16 seeds"),
        ("1" * (MAX_CHARACTERS + 1), "may have at most 450 characters"),
    ],
)
def test_a_point_is_bounded(text: str, sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        parse_point(text)


def test_deep_nesting_does_not_exhaust_the_stack() -> None:
    with pytest.raises(SettingsError):
        parse_point("(" * MAX_CHARACTERS)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("7", ["7"]),
        ("1, 5-9", ["1", "5", "6", "7", "8", "9"]),
        (" 1;2 3,\n4, ", ["1", "2", "3", "4"]),
        ("42~1-3@0.3", ["42~1@0.3", "42~2@0.3", "42~3@0.3"]),
        ("(1-2+3)~5-6@0.3", ["(1-2+3)~5@0.3", "(1-2+3)~6@0.3"]),
        ("1-2+3, 3-3", ["1-2+3", "3"]),
    ],
)
def test_a_list_is_read_in_its_order(text: str, names: list[str]) -> None:
    assert [point.text for point in parse_points(text, 64)] == names


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("9-5", "must be ascending"),
        ("0-4294967296", "must be ascending"),
        ("0-64", "1 too many"),
        ("0-4294967295", "too many"),
        ("1 " * 65, "1 too many"),
        ("1~0-99@0.5", "36 too many"),
        ("1," * 5000, "may have at most 8,000 characters"),
        ("5, 0-63", "takes at most 64 seeds or points. Received: 1 too many"),
        ("", "`seed` needs at least one seed or point. Received: nothing"),
        (" ,; ", "Received: nothing"),
    ],
)
def test_a_wrong_list_is_explained(text: str, sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        parse_points(text, 64)


@pytest.mark.parametrize(
    ("center", "number", "first", "names"),
    [
        ("42", 4, 1, ["42", "42~1@0.3", "42~2@0.3", "42~3@0.3"]),
        ("2", 4, 1, ["2", "2~3@0.3", "2~4@0.3", "2~5@0.3"]),  # not towards itself
        ("1-2+3", 2, 9, ["1-2+3", "(1-2+3)~9@0.3"]),
        ("5", 1, 1, ["5"]),
    ],
)
def test_variations_are_a_list_that_can_be_typed(center: str, number: int, first: int, names: list[str]) -> None:
    text = around(parse_point(center), 0.3, number, first)
    assert [point.text for point in parse_points(text, 64)] == names
    assert center_of(text) == (center if number > 1 else "")


@pytest.mark.parametrize("text", ["", "5", "5, 6", "5, 6~1@0.3", "x, x~1@0.3", "1-2+3, 1~5-6@0.3"])
def test_another_list_has_no_centre(text: str) -> None:
    assert center_of(text) == ""


def test_variations_exist_around_the_last_seed() -> None:
    assert len(parse_points(around(Seed(2**32 - 1), 0.3, 64, 2**32 - 1), 64)) == 64


def test_a_plane_has_its_corners_at_its_corners() -> None:
    corners = parse_points("1,2,3,4", 4)
    names = [point.text for point in plane(corners, 3)]
    assert [names[0], names[2], names[6], names[8]] == ["1", "2", "3", "4"]
    assert names[1] == "1~2@0.5"
    assert names[4] == "(1~2@0.5)~(3~4@0.5)@0.5"
    assert all(parse_point(name).text == name for name in names)


def test_a_turn_to_an_end_is_that_end() -> None:
    assert turn(Seed(1), Seed(2), 0.0) == Seed(1)
    assert turn(Seed(1), Seed(2), 0.999999) == Seed(2)
