"""What strangers' generators cost others: judged before they are fetched, drawn in turns, few at a time."""

import dataclasses
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from demo.conftest import make_generator
from local_hub import LocalHub

from dcgan_hub.bundle.format import BundleFacts, WeightFacts
from dcgan_hub.demo.admission import Busy
from dcgan_hub.demo.catalog.hub_store import FETCHING_AT_ONCE
from dcgan_hub.demo.catalog.models import MAX_OPERATIONS, MAX_PARAMETERS, ModelRegistry
from dcgan_hub.demo.catalog.runs import RunShelf
from dcgan_hub.demo.rendering import renderer as rendering
from dcgan_hub.demo.rendering.batching import MAX_TOGETHER, TURN_OPERATIONS, Batches, Work, deadline
from dcgan_hub.demo.rendering.renderer import COSTLY_AT_ONCE, Renderer
from dcgan_hub.errors import BundleError, DcganHubError, SettingsError
from dcgan_hub.networks.latent_points import Seed
from dcgan_hub.settings import NetworkSettings

# Of few parameters for their operations, and for their feature maps.
SLOW = {
    "image_size": (256, 256), "upsampling": "resize", "kernel_size": 11, "filters": 216, "max_filters": 216, "depth": 6,
}  # fmt: skip
WIDE = {"image_size": (256, 256), "kernel_size": 2, "filters": 128, "max_filters": 128}


def plant_facts(hub: LocalHub, repo_id: str, network: NetworkSettings) -> None:
    facts = BundleFacts(network=network, weights=WeightFacts(dtype="F32", sha256="0" * 64))
    hub.plant(repo_id, {"dcgan.json": facts.to_json(), "model.safetensors": b"never fetched"})


@pytest.fixture
def registry(tmp_path: Path) -> ModelRegistry:
    return ModelRegistry(RunShelf(tmp_path / "runs"))


def test_a_small_generator_that_computes_for_minutes_is_refused_before_its_weights(
    hub: LocalHub, registry: ModelRegistry
) -> None:
    slow, wide = NetworkSettings(**SLOW), NetworkSettings(**WIDE)
    assert max(slow.generator_parameters, wide.generator_parameters) <= MAX_PARAMETERS
    assert slow.generator_operations > 40 * MAX_OPERATIONS >= 40 * wide.generator_operations
    for name, network, unit in (
        ("tester/slow", slow, "operations an image"),
        ("tester/wide", wide, "values in a feature map"),
    ):
        plant_facts(hub, name, network)
        for _ in range(2):
            with pytest.raises(BundleError, match=f"Visitors may open generators of up to [0-9,]+ {unit}"):
                registry.open(name)
        asked = len(hub.requests)
        with pytest.raises(BundleError):
            registry.load(name)
        assert len(hub.requests) == asked  # for a minute nobody is asked again
    assert not any("model.safetensors" in request.path for request in hub.requests)


def test_a_request_is_drawn_in_turns_of_bounded_work_and_a_cheap_one_waits_for_one_of_them() -> None:
    batches, order = Batches(), []
    begun, may_go_on = threading.Event(), threading.Event()

    def draw_by(name: str) -> Work:
        def draw(latents: np.ndarray) -> np.ndarray:
            order.append((name, len(latents)))
            begun.set()
            may_go_on.wait(30)
            return latents

        return Work(name, draw, TURN_OPERATIONS // 8 if name == "costly" else TURN_OPERATIONS // 1000)

    def ask(name: str, count: int) -> None:
        latents = np.arange(float(count))[:, None]
        np.testing.assert_array_equal(batches.draw(draw_by(name), latents, deadline()), latents)

    threads = [threading.Thread(target=ask, args=["costly", MAX_TOGETHER])]
    threads += [threading.Thread(target=ask, args=[f"cheap {number}", 16]) for number in range(10)]
    threads[0].start()
    begun.wait(30)
    for thread in threads[1:]:
        thread.start()
    while len(batches._waiting) < len(threads):
        time.sleep(0.001)
    may_go_on.set()
    for thread in threads:
        thread.join()
    assert order[0] == ("costly", 8)
    assert sorted(order[1:11]) == [(f"cheap {number}", 16) for number in range(10)]
    assert order[11:] == [("costly", 8)] * 7


def test_the_deadline_acts_between_turns() -> None:
    drawn = []

    def draw(latents: np.ndarray) -> np.ndarray:
        drawn.append(len(latents))
        time.sleep(0.2)
        return latents

    with pytest.raises(SettingsError, match=r"at most 60 seconds\. Received: one for 64 images, of which 2 were drawn"):
        Batches().draw(Work("", draw, 10**12, at_once=2), np.zeros((64, 1)), time.monotonic() + 0.1)
    assert drawn == [2]


def test_few_strangers_draw_much_at_a_time_and_who_draws_the_apps_own_waits_for_no_place(
    hub: LocalHub, registry: ModelRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_generator(1).save_pretrained(tmp_path / "own")
    names = ("dcgan.json", "model.safetensors")
    commit = hub.plant("tester/faces", {name: (folder / name).read_bytes() for name in names})
    monkeypatch.setattr(rendering, "TURN_OPERATIONS", 1)
    renderer = Renderer(registry)
    model = f"tester/faces@{commit}"
    held = [renderer._costly.entered() for _ in range(COSTLY_AT_ONCE)]
    for place in held:
        place.__enter__()
    for draw in (
        lambda: renderer.draw(model, [Seed(1)]),
        lambda: renderer.walk(model, [Seed(1), Seed(2)], 5, "lerp", True),
    ):
        with pytest.raises(Busy, match=r"The app is busy: .* Try again in a moment\."):
            draw()
    assert len(renderer.draw("avatars", [Seed(1)]).images) == 1
    for place in held:
        place.__exit__(None, None, None)
    assert len(renderer.draw(model, [Seed(1)]).images) == 1
    # What strangers open displaces nothing of the app's own.
    assert registry.load("avatars") is registry.load("avatars")
    assert registry._loaded._kept.currsize and registry._loaded_visited._kept.currsize


def test_a_hub_that_does_not_answer_holds_few_of_those_who_draw(hub: LocalHub, registry: ModelRegistry) -> None:
    silence = hub.misbehave("slow", delay=600.0)
    outcomes: list[DcganHubError] = []

    def draw(number: int) -> None:
        try:
            renderer.draw(f"tester/slow{number}", [Seed(number)])
        except DcganHubError as error:
            outcomes.append(error)

    renderer = Renderer(registry)
    threads = [threading.Thread(target=draw, args=[number], daemon=True) for number in range(12)]
    for thread in threads:
        thread.start()
    while len(outcomes) < len(threads) - FETCHING_AT_ONCE:
        time.sleep(0.01)
    assert len(renderer.draw("avatars", [Seed(1)]).images) == 1
    assert [type(outcome) for outcome in outcomes] == [Busy] * (len(threads) - FETCHING_AT_ONCE)
    hub.behave()
    assert silence.over
    for thread in threads:
        thread.join(60)
    assert len(outcomes) == len(threads)
    asked = len(hub.requests)
    assert dataclasses.asdict(hub.requests[0])["path"].startswith("/tester/slow")
    for _ in range(3):
        with pytest.raises(DcganHubError, match="no model repository tester/gone"):
            registry.open("tester/gone")
    assert len(hub.requests) == asked + 1
