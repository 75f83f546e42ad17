"""The generator network as a function."""

import numpy as np
import pytest

from dcgan_hub.bundle.inference import CHUNK_BYTES, Inference
from dcgan_hub.networks.generator import build_generator
from dcgan_hub.settings import NetworkSettings

SMALL = {"image_size": (16, 16), "latent_dim": 8, "filters": 4}


def test_the_graph_is_traced_once_whatever_is_drawn(make_generator, monkeypatch):
    generator = make_generator(**SMALL)
    network = type(generator._network)
    call, calls = network.call, []
    monkeypatch.setattr(network, "call", lambda self, *words, **named: calls.append(1) or call(self, *words, **named))

    for count in (1, 2, 3, 8, 9, 31, 32, 33, 100):
        generator.generate(range(count))

    assert len(calls) == 1


def test_later_changes_of_the_network_show():
    settings = NetworkSettings(**SMALL)
    network = build_generator(settings)
    draw, latents = Inference(network, settings), np.ones((1, 8), np.float32)
    before = draw(latents)

    network.set_weights([np.full_like(weight, 0.5) for weight in network.get_weights()])

    assert not np.allclose(draw(latents), before, atol=1e-3)
    np.testing.assert_array_equal(draw(latents), network.predict_on_batch(np.ones((2, 8), np.float32))[:1])


@pytest.mark.parametrize(("filters", "largest"), [(4, 32), (1024, 8)])
def test_wide_networks_are_drawn_in_smaller_chunks(filters, largest):
    settings = NetworkSettings(image_size=(64, 64), latent_dim=8, filters=filters, max_filters=1024)
    map_bytes = 4 * settings.largest_feature_map
    assert largest * map_bytes <= CHUNK_BYTES and (largest == 32 or 32 * map_bytes > CHUNK_BYTES)

    class Untouched:
        jit_compile = False

    assert Inference(Untouched(), settings).largest_chunk == largest
