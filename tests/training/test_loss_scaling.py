"""float16: loss scaling changes no step but those whose gradients overflow, and what a device lacks is refused."""

from pathlib import Path

import keras
import numpy as np
import pytest

from dcgan_hub.errors import SettingsError
from dcgan_hub.networks.discriminator import build_discriminator
from dcgan_hub.networks.generator import build_generator
from dcgan_hub.settings import NetworkSettings
from dcgan_hub.training.checkpoint import state_variables
from dcgan_hub.training.dcgan import DCGAN
from dcgan_hub.training.hardware import resolve_precision
from dcgan_hub.training.loss_scaling import scaled_for

NETWORK = NetworkSettings(image_size=16, filters=2, latent_dim=6, discriminator_normalization="none")
IMAGES = np.random.RandomState(0).randint(0, 256, (4, 16, 16, 3), dtype=np.uint8)


def make_gan(precision, **options):
    """Layers in float32: of a precision only the optimizers."""
    keras.utils.set_random_seed(1)
    gan = DCGAN(build_generator(NETWORK), build_discriminator(NETWORK), r1_every=2, **options)
    gan.compile(*(scaled_for(precision, keras.optimizers.SGD(0.1)) for _ in range(2)), run_eagerly=True)
    return gan


def one_step(gan):
    return {name: float(value) for name, value in gan.train_step(IMAGES).items()}


@pytest.mark.parametrize("one_stage", [False, True])
def test_scaled_losses_make_the_same_step_and_an_overflow_makes_none(one_stage):
    plain, scaled = (make_gan(precision, one_stage=one_stage) for precision in ("float32", "float16"))
    for _ in range(2):  # with the gradient penalty and without
        expected, figures = one_step(plain), one_step(scaled)
        assert figures == pytest.approx(expected, rel=1e-5)
    state = dict(state_variables(scaled))
    for name, value in state_variables(plain):
        np.testing.assert_allclose(state[name], value, rtol=1e-5, atol=1e-7, err_msg=name)

    for optimizer in (scaled.generator_optimizer, scaled.discriminator_optimizer):
        optimizer.dynamic_scale.assign(3e38)
    trained = scaled.generator.trainable_variables + scaled.discriminator.trainable_variables
    before = [variable.numpy() for variable in trained]
    norms = {name: value for name, value in one_step(scaled).items() if "norm" in name}
    assert norms == pytest.approx({name: figures[name] for name in norms}), "means of the steps before"
    for variable, value in zip(trained, before, strict=True):
        np.testing.assert_array_equal(variable, value)
    for network in ("generator", "discriminator"):
        assert float(state[f"{network}_optimizer/loss_scale"]) == pytest.approx(1.5e38)

    scaled.discriminator_optimizer.dynamic_scale.assign(0.5)  # not the reason any more
    scaled.discriminator.trainable_variables[0].assign(scaled.discriminator.trainable_variables[0] * np.inf)
    assert not np.isfinite(one_step(scaled)["d_gradient_norm"])


def test_a_precision_that_the_device_lacks_or_several_devices_would_need_is_refused():
    formats = ["float32", "float16", "bfloat16"]
    assert [resolve_precision(name) for name in formats] == formats
    with pytest.raises(SettingsError, match=r"Received: precision=float8_e4m3fn on this processor by TensorFlow\."):
        resolve_precision("float8_e4m3fn")
    with pytest.raises(SettingsError, match=r"Received: precision=float16 on 2\. Nearest valid: devices=1"):
        resolve_precision("float16", replicas=2)


def test_kernels_that_onednn_may_not_use_are_not_counted_on(monkeypatch):
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    assert resolve_precision("auto") == "float32"
    if "avx512f" in Path("/proc/cpuinfo").read_text():  # elsewhere TensorFlow computes bfloat16 by itself
        with pytest.raises(SettingsError, match=r"Received: precision=bfloat16 with ONEDNN_MAX_CPU_ISA=AVX2\."):
            resolve_precision("bfloat16")
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX512_CORE_AMX")
    assert resolve_precision("bfloat16") == "bfloat16"
