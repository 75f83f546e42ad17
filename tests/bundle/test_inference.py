"""The generator network as a function."""

import numpy as np
import pytest

from dcgan_hub.bundle.inference import BLOCK_SIZE, CHUNK_BYTES, Inference, _affordable_chunk_size
from dcgan_hub.networks.generator import build_generator
from dcgan_hub.settings import NetworkSettings

SMALL = {"image_size": (16, 16), "latent_dim": 8, "filters": 4}


def test_the_graph_is_traced_once_whatever_is_drawn(make_generator):
    generator = make_generator(**SMALL)

    for count in (1, 2, 3, 8, 9, 31, 32, 33, 100, 1, 32):
        generator.generate(range(count))

    assert generator._draw._draw_blocks.experimental_get_tracing_count() == 1


def test_later_changes_of_the_network_show():
    settings = NetworkSettings(**SMALL)
    network = build_generator(settings)
    draw, latents = Inference(network, settings), np.ones((1, 8), np.float32)
    before = draw(latents)

    network.set_weights([np.full_like(weight, 0.5) for weight in network.get_weights()])

    assert not np.allclose(draw(latents), before, atol=1e-3)
    np.testing.assert_allclose(draw(latents), network.predict_on_batch(latents), atol=1e-6)


@pytest.mark.parametrize("same", [True, False])
def test_one_batch_replaces_blocks_only_where_it_gave_the_same_bits(monkeypatch, same):
    monkeypatch.setattr("dcgan_hub.bundle.inference._convolves_by_onednn", lambda: True)
    settings = NetworkSettings(**SMALL)
    draw = Inference(build_generator(settings), settings)
    latents = np.random.default_rng(0).standard_normal((32, 8)).astype(np.float32)
    blocks, computed = draw._draw_blocks, []

    def counted(given):
        computed.append(given.shape[:2])
        images = np.array(blocks(given.reshape(-1, BLOCK_SIZE, given.shape[-1])))  # the same bits on every processor
        images = images.reshape(*given.shape[:2], *images.shape[2:])
        return images if same or given.shape[1] == BLOCK_SIZE else images + np.float32(1e-7)

    draw._draw_blocks = counted
    first, second, rest = draw(latents), draw(latents), draw(latents[:9])

    assert computed == [(4, 8), (1, 32), (1, 32) if same else (4, 8), (2, 8)]
    np.testing.assert_array_equal(second, first)
    np.testing.assert_array_equal(rest, first[:9])


def test_flat_images_prove_nothing(monkeypatch):
    monkeypatch.setattr("dcgan_hub.bundle.inference._convolves_by_onednn", lambda: True)
    settings = NetworkSettings(**SMALL)
    network = build_generator(settings)
    network.set_weights([np.zeros_like(weight) for weight in network.get_weights()])
    draw = Inference(network, settings)

    draw(np.ones((1, 8), np.float32))

    assert draw._same_as_one_batch[1] is None


def test_the_network_stays_as_it_was(tmp_path):
    settings = NetworkSettings(**SMALL)
    network = build_generator(settings)
    compiled, config = network.jit_compile, network.get_config()

    Inference(network, settings)(np.ones((1, 8), np.float32))

    assert network.jit_compile == compiled
    assert network.get_config() == config


@pytest.mark.parametrize(("filters", "largest"), [(4, 32), (1024, 8)])
def test_wide_networks_are_drawn_in_smaller_chunks(filters, largest):
    settings = NetworkSettings(image_size=(64, 64), latent_dim=8, filters=filters, max_filters=1024)
    map_bytes = 4 * settings.largest_feature_map
    assert largest * map_bytes <= CHUNK_BYTES and (largest == 32 or 32 * map_bytes > CHUNK_BYTES)

    assert _affordable_chunk_size(settings) == largest
