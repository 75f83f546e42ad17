"""The generator as an ONNX model, written node by node with the `onnx` package.

N images (dynamic), H x W pixels, C channels, Z latent dimensions. Inputs: `latents`, float32 (N, Z), and with classes
`classes`, int32 (N,). Outputs: `pixels`, float32 (N, H, W, C) in [-1, 1], and `images`, the same as uint8 by the rule
of the bundle. In between, maps are (N, channels, height, width), as ONNX has them.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from dcgan_hub.network_settings import CLASS_EMBEDDING, PALETTE, NetworkSettings, convolution_margins, transposed_margin

OPSET = 17  # of 2022: what game engines and converters read
IR_VERSION = 8  # the one of that opset
NORMALIZATION_EPSILON = 1e-5


def make_onnx(
    settings: NetworkSettings, weights: Mapping[str, np.ndarray], name: str, metadata: Mapping[str, str]
) -> onnx.ModelProto:
    """Builds the model of a generator.

    Args:
        settings: of the network.
        weights: float32 or float16 arrays by name, as in `model.safetensors`. Those in float16 are stored so, and
            converted when the model runs: it computes in float32.
        name: of the graph.
        metadata: texts by name, stored in the file.
    """
    graph = _Graph(weights)
    inputs = [helper.make_tensor_value_info("latents", TensorProto.FLOAT, ["N", settings.latent_dim])]
    if settings.classes:
        inputs.append(helper.make_tensor_value_info("classes", TensorProto.INT32, ["N"]))
        graph.append_embedding()
    maps = graph.first_map(settings)
    for stage in range(len(settings.widths), 1, -1):
        maps = graph.activate(graph.enlarge(maps, settings, stage), settings, f"stage_{stage}", modulated=True)
    maps = graph.enlarge(maps, settings, 1)
    if settings.palette_size:
        graph.mix_palette(maps, settings, output="pixels")
    else:
        graph.add("Transpose", [graph.add("Tanh", [maps], "signed_maps")], output="pixels", perm=[0, 2, 3, 1])
    graph.round_to_bytes("pixels", "images")
    shape = ["N", *settings.image_size, settings.channels]
    model = helper.make_model(
        helper.make_graph(
            graph.nodes, name, inputs,
            [
                helper.make_tensor_value_info("images", TensorProto.UINT8, shape),
                helper.make_tensor_value_info("pixels", TensorProto.FLOAT, shape),
            ],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="dcgan-hub",
    )  # fmt: skip
    helper.set_model_props(model, dict(metadata))
    return model


class _Graph:
    """The nodes and constants written so far; a method adds some, and returns the name of their output."""

    def __init__(self, weights: Mapping[str, np.ndarray]) -> None:
        self.weights = weights
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.read_by_dense = "latents"

    def add(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def constant(self, name: str, values: np.ndarray | np.floating) -> str:
        self.constants.append(numpy_helper.from_array(np.array(values, order="C"), name))
        return name

    def weight(self, name: str, axes: tuple[int, ...] | None = None) -> str:
        """A weight, with its axes in another order; in float32 whatever it is stored in."""
        values = self.weights[name]
        self.constant(name, values if axes is None else values.transpose(axes))
        if values.dtype == np.float32:
            return name
        return self.add("Cast", [name], f"{name}/float32", to=TensorProto.FLOAT)

    def append_embedding(self) -> None:
        """Puts the embedding of the class behind the latents, for all dense layers."""
        embedded = self.add("Gather", [self.weight(f"{CLASS_EMBEDDING}/embeddings"), "classes"], "embedded", axis=0)
        self.read_by_dense = self.add("Concat", ["latents", embedded], "conditioned", axis=1)

    def dense(self, name: str, output: str) -> str:
        """A dense layer of the latents: (N, units)."""
        bias = [self.weight(f"{name}/bias")] if f"{name}/bias" in self.weights else []
        return self.add("Gemm", [self.read_by_dense, self.weight(f"{name}/kernel"), *bias], output)

    def first_map(self, settings: NetworkSettings) -> str:
        shape = self.constant("first_map/shape", np.array([-1, *settings.sizes[-1], settings.widths[-1]], np.int64))
        rows = self.add("Reshape", [self.dense("project", "projected"), shape], "first_map/rows")
        maps = self.add("Transpose", [rows], "first_map", perm=[0, 3, 1, 2])
        return self.activate(maps, settings, "project", modulated=False)

    def enlarge(self, maps: str, settings: NetworkSettings, stage: int) -> str:
        """Upsampling by `stride`, cropping to the exact size, and convolution."""
        name = f"stage_{stage}"
        if settings.upsampling == "transposed":
            return self._transposed_convolution(maps, settings, stage, f"{name}_enlarge")
        resized = self._resize(maps, settings, stage, f"{name}_enlarge")
        before, after = convolution_margins(settings.kernel_size, stride=1)
        if settings.seamless:
            resized = self._pad_circularly(resized, settings.sizes[stage - 1], (before, after), name)
            before = after = 0
        inputs = [resized, *self._kernel_and_bias(f"{name}_smooth")]
        return self.add("Conv", inputs, f"{name}_smooth", pads=[before, before, after, after])

    def _transposed_convolution(self, maps: str, settings: NetworkSettings, stage: int, name: str) -> str:
        before, after = convolution_margins(settings.kernel_size, settings.stride)
        surplus = [
            small * settings.stride - large
            for small, large in zip(settings.sizes[stage], settings.sizes[stage - 1], strict=True)
        ]
        if settings.seamless:
            margin = transposed_margin(settings.kernel_size, settings.stride)
            maps = self._pad_circularly(maps, settings.sizes[stage], (0, margin), name)
            before, after = before + after, margin * settings.stride
        return self.add(
            "ConvTranspose", [maps, *self._kernel_and_bias(name)], name, strides=[settings.stride] * 2,
            pads=[before, before, after + surplus[0], after + surplus[1]],
        )  # fmt: skip

    def _resize(self, maps: str, settings: NetworkSettings, stage: int, name: str) -> str:
        scales = self.constant(f"{name}/scales", np.array([1, 1, settings.stride, settings.stride], np.float32))
        resized = self.add(
            "Resize", [maps, "", scales], name, mode="nearest", coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        )  # fmt: skip
        size = np.array(settings.sizes[stage - 1], np.int64)
        if tuple(size) == tuple(side * settings.stride for side in settings.sizes[stage]):
            return resized
        starts = self.constant(f"{name}/crop_starts", np.zeros(2, np.int64))
        ends = self.constant(f"{name}/crop_ends", size)
        axes = self.constant(f"{name}/crop_axes", np.array([2, 3], np.int64))
        return self.add("Slice", [resized, starts, ends, axes], f"{name}/cropped")

    def _pad_circularly(self, maps: str, size: tuple[int, int], margins: tuple[int, int], name: str) -> str:
        """Rows and columns of the other side around maps of a size; opset 17 has no padding of this kind."""
        before, after = margins
        for axis, side in zip((2, 3), size, strict=True):
            place = f"{name}/wrapped_{axis}"
            parts = [maps] * (before // side + 1 + after // side)
            if before % side:
                parts.insert(0, self._slice(maps, axis, -(before % side), side, f"{place}/last"))
            if after % side:
                parts.append(self._slice(maps, axis, 0, after % side, f"{place}/first"))
            if len(parts) > 1:
                maps = self.add("Concat", parts, place, axis=axis)
        return maps

    def _slice(self, maps: str, axis: int, first: int, end: int, name: str) -> str:
        bounds = {"start": first, "end": end, "axis": axis}
        constants = [self.constant(f"{name}/{what}", np.array([value], np.int64)) for what, value in bounds.items()]
        return self.add("Slice", [maps, *constants], name)

    def _kernel_and_bias(self, layer: str) -> list[str]:
        """Of either convolution: the last two axes, which differ, become the first two."""
        bias = [self.weight(f"{layer}/bias")] if f"{layer}/bias" in self.weights else []
        return [self.weight(f"{layer}/kernel", (3, 2, 0, 1)), *bias]

    def activate(self, maps: str, settings: NetworkSettings, name: str, modulated: bool) -> str:
        """Normalization, not folded into kernels, which rounding would change; modulation; ReLU."""
        if settings.generator_normalization != "none":
            maps = self._normalize(maps, f"{name}_normalize")
        if settings.generator_normalization == "modulated" and modulated:
            scaled = self.add("Mul", [maps, self._channels(f"{name}_scale")], f"{name}_scaled")
            maps = self.add("Add", [scaled, self._channels(f"{name}_shift")], f"{name}_shifted")
        return self.add("Relu", [maps], f"{name}_activate")

    def _normalize(self, maps: str, name: str) -> str:
        mean, variance = self.weight(f"{name}/moving_mean"), self.weight(f"{name}/moving_variance")
        if f"{name}/gamma" in self.weights:
            scale, offset = self.weight(f"{name}/gamma"), self.weight(f"{name}/beta")
        else:
            channels = len(self.weights[f"{name}/moving_mean"])
            scale = self.constant(f"{name}/ones", np.ones(channels, np.float32))
            offset = self.constant(f"{name}/zeros", np.zeros(channels, np.float32))
        inputs = [maps, scale, offset, mean, variance]
        return self.add("BatchNormalization", inputs, name, epsilon=NORMALIZATION_EPSILON)

    def _channels(self, name: str) -> str:
        """A dense layer of the latents as (N, channels, 1, 1)."""
        axes = self.constant(f"{name}/axes", np.array([2, 3], np.int64))
        return self.add("Unsqueeze", [self.dense(name, name), axes], f"{name}_map")

    def mix_palette(self, logits: str, settings: NetworkSettings, output: str) -> str:
        """At each pixel the colors of the palette, weighted by the softmax of the logits."""
        masks = self.add("Transpose", [self.add("Softmax", [logits], "masks", axis=1)], "mask_maps", perm=[0, 2, 3, 1])
        shape = np.array([-1, 1, settings.palette_size, settings.channels], np.int64)
        colors = self.add("Tanh", [self.dense(PALETTE, PALETTE)], "palette_tanh")
        rows = self.add("Reshape", [colors, self.constant("palette/shape", shape)], "palette_rows")
        return self.add("MatMul", [masks, rows], output)

    def round_to_bytes(self, pixels: str, output: str) -> None:
        """clip(rint((pixels + 1) * 127.5), 0, 255); ONNX rounds halves to even, as NumPy does."""
        one, factor = self.constant("one", np.float32(1.0)), self.constant("half_range", np.float32(127.5))
        smallest, largest = self.constant("smallest", np.float32(0)), self.constant("largest", np.float32(255))
        shifted = self.add("Add", [pixels, one], "from_zero")
        rounded = self.add("Round", [self.add("Mul", [shifted, factor], "to_255")], "rounded")
        self.add("Cast", [self.add("Clip", [rounded, smallest, largest], "clipped")], output, to=TensorProto.UINT8)
