"""The trained generator as a user's object: seeds or latents in, uint8 images out; saving and loading.

N images, H x W pixels, C channels (1 gray, 3 RGB, 4 RGBA), Z latent dimensions, E dimensions of the class embedding.
"""

import io
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from dcgan_hub.bundle.class_names import checked_class_names
from dcgan_hub.bundle.conditioned_latents import ConditionedLatents
from dcgan_hub.bundle.drawing_arguments import checked_latents, checked_truncation
from dcgan_hub.bundle.folder import read_bundle
from dcgan_hub.bundle.format import BundleFacts
from dcgan_hub.bundle.inference import Inference
from dcgan_hub.bundle.saving import save_bundle
from dcgan_hub.bundle.search import Found, Search
from dcgan_hub.bundle.source import fetch_bundle
from dcgan_hub.bundle.weights import WEIGHTS_FILE, assign_weights
from dcgan_hub.errors import BundleError, SettingsError
from dcgan_hub.images.grids import make_sheet
from dcgan_hub.images.pixels import to_uint8
from dcgan_hub.networks.classes import Choice, chosen_classes
from dcgan_hub.networks.directions import check_count, find_directions
from dcgan_hub.networks.generator import build_generator
from dcgan_hub.networks.latent_points import Point
from dcgan_hub.networks.latents import checked_seeds, draw_latents, seed_iterator
from dcgan_hub.settings import NetworkSettings

if TYPE_CHECKING:
    from dcgan_hub.bundle.portable import Agreement
    from dcgan_hub.hub.upload import Commit

NOTEBOOK_SEEDS = range(16)


class Generator:
    """Generates images from seeds or latent vectors.

    One seed is one image: its latents, and its class, are the same everywhere, forever. On one machine every uint8 is
    the same too, regardless of batch and interface; on other machines a few values in a million differ by 1
    (docs/bundle-format.md).

    Example:
        >>> generator = Generator.from_pretrained("runs/anime")
        >>> generator.generate(seeds=[1, 2, 3]).shape
        (3, 64, 64, 3)

    Attributes:
        settings: the network's settings.
        facts: what is known about the training; None for a network that was never saved.
        name: a short name: that of the run or the folder, or "generator".
        class_names: of the classes; empty for a generator without.
    """

    def __init__(
        self, settings: NetworkSettings, network: keras.Model, facts: BundleFacts | None = None,
        name: str = "generator", class_names: Sequence[str] = (),
    ) -> None:  # fmt: skip
        """Wraps a float32 network of `build_generator(settings)`, without a copy: later changes to it take effect.

        `class_names` are needed for a network with classes if there are no `facts`, which have them.
        """
        _check_parts(settings, network, facts)
        self.settings, self.facts, self.name = settings, facts, name
        self.class_names = facts.class_names if facts else checked_class_names(class_names, settings.classes)
        self._network = network
        self._draw = Inference(network, settings)
        self._latents = ConditionedLatents(network, settings, self.class_names)
        self._directions: dict[str, np.ndarray] = {}

    @classmethod
    def from_pretrained(
        cls,
        id_or_folder: str | os.PathLike[str],
        *,
        revision: str | None = None,
        token: str | bool | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
        local_files_only: bool = False,
        force_download: bool = False,
    ) -> "Generator":
        """Loads a generator safely: strict JSON and checked numbers, never code from the folder or repository.

        Two files of a repository are downloaded, both from the same commit. A commit hash that was loaded before needs
        no network access; with HF_HUB_OFFLINE=1 neither does any revision that was loaded before.

        Args:
            id_or_folder: user/name on the Hugging Face Hub, a run directory, a bundle, or "avatars" for the generator
                inside this package. A folder takes precedence over a repository of the same name.
            revision: branch, tag or commit hash on the Hub; default: main.
            token: for private repositories; default: that of the logged-in user; False: none.
            cache_dir: default: the shared cache of Hugging Face's tools.
            local_files_only: whether to use only files that are already in the cache.
            force_download: whether to download files even if they are in the cache.

        Raises:
            BundleError: if there is no bundle, or it is damaged, too large, or of an unknown format.
            HubError: if it cannot be downloaded; HubUnavailable if a later attempt may succeed.
        """
        name, bundle = fetch_bundle(
            id_or_folder, revision, token=token, cache_dir=cache_dir, local_files_only=local_files_only,
            force_download=force_download,
        )  # fmt: skip
        return cls.from_bundle(bundle, name)

    @classmethod
    def from_bundle(cls, bundle: Path, name: str) -> "Generator":
        """Loads a bundle from a folder; raises BundleError if it is damaged, too large, or of an unknown format."""
        facts, arrays = read_bundle(bundle)
        network = build_generator(facts.network, "float32")
        assign_weights(network, arrays, bundle / WEIGHTS_FILE)
        return cls(facts.network, network, facts, name)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(H, W, C) of one image."""
        return (*self.settings.image_size, self.settings.channels)

    @property
    def latent_dim(self) -> int:
        """Z, the length of a latent vector."""
        return self.settings.latent_dim

    @property
    def largest_chunk(self) -> int:
        """The largest number of images that are computed at a time, limited by memory."""
        return self._draw.largest_chunk

    def latents(self, seeds: Iterable[int]) -> np.ndarray:
        """The latent vectors of seeds (0 to 2**32 - 1): float32 (N, Z), standard normal; see `draw_latents`."""
        return draw_latents(seeds, self.latent_dim)

    def generate(
        self, seeds: Iterable[int] | None = None, latents: np.ndarray | None = None, truncation: float = 1.0,
        classes: Choice | None = None,
    ) -> np.ndarray:  # fmt: skip
        """Generates one image per seed or latent vector.

        Args:
            seeds: whole numbers, 0 to 2**32 - 1. Give either seeds or latents.
            latents: (N, Z) finite numbers, used as float32; or (N, Z + E) from `conditioned` or `walk`.
            truncation: factor applied to the latents, above 0 up to 2: below 1 images become more typical and more
                alike, above 1 more unusual.
            classes: of a generator with classes: a name of `class_names` or its number from 0, for all images, or a
                list with one for each. Without it every seed draws its class, see `draw_classes`.

        Returns:
            uint8 (N, H, W, C), 0 to 255.

        Raises:
            SettingsError: for invalid seeds, latents, truncation or classes.
        """
        chunks = list(self.generate_in_chunks(seeds, latents, truncation, classes))
        return np.concatenate(chunks) if chunks else np.empty((0, *self.image_shape), np.uint8)

    def generate_in_chunks(
        self, seeds: Iterable[int] | None = None, latents: np.ndarray | None = None, truncation: float = 1.0,
        classes: Choice | None = None,
    ) -> Iterator[np.ndarray]:  # fmt: skip
        """Like `generate`, but in chunks, for more images than fit into memory.

        Seeds are consumed lazily: `range(10**6)` is fine, and an invalid seed is rejected when it is reached.

        Returns:
            Iterator over uint8 (n, H, W, C), n from 1 to 32, in the given order.
        """
        if (seeds is None) == (latents is None):
            raise SettingsError(
                f"Give either seeds or latents. Received: {'none' if seeds is None else 'both'}. Try seeds=[1, 2, 3]."
            )
        factor = np.float32(checked_truncation(truncation))
        chosen = None if classes is None else chosen_classes(classes, self.class_names)
        if seeds is not None:
            batches = self._latents.of_seed_batches(seed_iterator(seeds), chosen, self.largest_chunk)
        else:
            batches = _in_batches(self._latents.of_given(latents, chosen), self.largest_chunk)
        return (to_uint8(self._draw(self._latents.truncated(batch, factor))) for batch in batches)

    def conditioned(self, latents: np.ndarray, classes: Choice) -> np.ndarray:
        """Latents with the embedding of a class behind each: what a generator with classes draws from.

        Args:
            latents: float (N, Z).
            classes: as for `generate`.

        Returns:
            float32 (N, Z + E), for the `latents` of `generate`.

        Raises:
            SettingsError: for invalid latents or classes, or a generator without classes.
        """
        numbers = chosen_classes(classes, self.class_names)
        return self._latents.of_latents(checked_latents(latents, self.latent_dim), numbers)

    def interpolate(
        self, seeds: Iterable[int], frames: int, method: str = "slerp", loop: bool = False, truncation: float = 1.0,
        classes: Choice | None = None,
    ) -> np.ndarray:  # fmt: skip
        """Generates images along a path from seed to seed, at equal distances.

        Args:
            seeds: two or more; without `loop` the first and last frame are the images of the first and last seed.
            frames: number of images, at least 2.
            method: "slerp" (along the sphere, preserves the typical norm) or "lerp" (a straight line).
            loop: whether to return to the first seed, stopping one frame before it, for an endless animation.
            truncation: as for `generate`.
            classes: as for `generate`; between seeds of different classes their embeddings are interpolated linearly.

        Returns:
            uint8 (frames, H, W, C).

        Raises:
            SettingsError: for invalid seeds, frames, method, truncation or classes.
        """
        return self.generate(latents=self.walk(seeds, frames, method, loop, classes), truncation=truncation)

    def walk(
        self, seeds: Iterable[int], frames: int, method: str = "slerp", loop: bool = False,
        classes: Choice | None = None,
    ) -> np.ndarray:  # fmt: skip
        """The latents of `interpolate`: float32 (frames, Z), or with classes (frames, Z + E)."""
        chosen = None if classes is None else chosen_classes(classes, self.class_names)
        return self.between(self._latents.of_seeds(checked_seeds(seeds), chosen), frames, method, loop)

    def between(self, keys: np.ndarray, frames: int, method: str = "slerp", loop: bool = False) -> np.ndarray:
        """Interpolates between latents (K, Z), or conditioned ones (K, Z + E), whose embeddings take a straight line.

        The other arguments are those of `interpolate`; float32 (frames, Z) or (frames, Z + E).
        """
        return self._latents.between(keys, frames, method, loop)

    def point_latents(self, points: Sequence[Point]) -> np.ndarray:
        """What points (see `networks/point_syntax.py`) are drawn from: float32 (N, Z), or conditioned (N, Z + E).

        A point is of the class that its text names, as in 42c3, or else of the one that its first seed draws; see
        `networks/point_classes.py`.

        Raises:
            SettingsError: if the generator lacks a class or a direction, or the parts of a mix cancel out.
        """
        return self._latents.of_points(points, self)

    def directions(self, count: int = 10, method: str = "sefa") -> np.ndarray:
        """Directions of the latent space along which images change most, found without labels.

        Example:
            >>> latents = generator.latents([42]) + 2.5 * generator.directions()[0]
            >>> generator.generate(latents=latents).shape
            (1, 64, 64, 3)

        Args:
            count: 1 to 20.
            method: "sefa" (Shen & Zhou 2021), computed from the weights in closed form, or "pca" (GANSpace, Härkönen
                et al. 2020), from the first feature maps of some hundred images.

        Returns:
            float32 (count, Z), or fewer if Z is less; rows of norm 1, those that change images most first. Found at
            the first call, and the same on every later one.

        Raises:
            SettingsError: for an invalid count or method.
        """
        check_count(count)
        if not isinstance(method, str) or method not in self._directions:
            self._directions[method] = find_directions(self._network, method)
        return self._directions[method][:count].copy()

    def find(
        self, image: Any, steps: int = 400, seed: int = 0, on_step: Callable[[int], None] = lambda step: None,
        classes: Choice | None = None,
    ) -> Found:  # fmt: skip
        """Finds the latents whose image is nearest to a given one (GAN inversion), by gradient descent.

        The same arguments give the same result on one machine. What the generator has not learned cannot be found: of
        a photo there remains what a generator of faces, say, can draw.

        Args:
            image: a Pillow image, the path of an image file, or uint8 (H, W, C) of any size with C 1, 3 or 4; its
                middle is cut out in the shape of the generator's images.
            steps: of gradient descent, 1 to 10,000, from each of the two images of 512 seeds that are most like it, or
                of the nearest ones of up to eight classes.
            seed: the first of these seeds.
            on_step: called after each step with its number.
            classes: of a generator with classes: a name or number, or several, in which to look; default: all. The
                result has the class that the nearest image is of.

        Raises:
            SettingsError: for invalid numbers or classes, or an image that cannot be read.
        """
        search = Search(self, image, steps, seed, classes=classes)
        for step in range(1, steps + 1):
            search.advance()
            on_step(step)
        return search.found()

    def get_weights(self) -> list[np.ndarray]:
        """Copies of the network's weights, in Keras' order."""
        return [np.array(weight) for weight in self._network.get_weights()]

    def save_pretrained(self, folder: str | os.PathLike[str], half_precision: bool = False) -> Path:
        """Saves the generator as a bundle, atomically: an existing bundle there can be loaded at any moment.

        Other files in the folder are left alone.

        Args:
            folder: the target; created if missing.
            half_precision: whether to halve the size: kernels are rounded to float16, which changes images slightly,
                and Keras' own files are left out.

        Raises:
            BundleError: if weights are not finite or too large for float16, or files cannot be written.
        """
        return save_bundle(self, self._network, Path(folder), half_precision)

    def save_page(self, path: str | os.PathLike[str]) -> Path:
        """Saves the generator as one HTML file that draws its images in any browser, without a network.

        Its images are those of `generate`: equal within 1 of 255 in 99.9% of bytes, and within 2 everywhere.

        Args:
            path: the file, such as "faces.html"; replaced if it exists.

        Raises:
            BundleError: if the network is too large for a page, or its weights are not finite.
            DataError: if the file cannot be written.
        """
        from dcgan_hub.bundle.portable import write_page

        write_page(self, self._network, Path(path))
        return Path(path)

    def export(self, path: str | os.PathLike[str], half_precision: bool = False) -> "Agreement | None":
        """Saves the generator as an ONNX model, after it was checked; needs the extra `onnx`.

        Its input is `latents`, float32 (N, Z), and with classes also `classes`, int32 (N,); its outputs are `images`,
        uint8 (N, H, W, C), and `pixels`, float32 of the same shape in [-1, 1].

        Args:
            path: the file, such as "faces.onnx"; replaced if it exists.
            half_precision: whether to store kernels in half precision; the model computes in single precision.

        Returns:
            How its images agree with those of `generate`; None if onnxruntime is not installed to run it.

        Raises:
            BundleError: if weights are not finite or too large for half precision, or it draws other images.
            DataError: if the file cannot be written.
            SettingsError: if the package `onnx` is not installed.
        """
        from dcgan_hub.bundle.portable import write_onnx

        return write_onnx(self, self._network, Path(path), half_precision)

    def push_to_hub(
        self,
        repo_id: str,
        *,
        branch: str = "main",
        private: bool | None = None,
        token: str | None = None,
        commit_message: str | None = None,
        create_pr: bool = False,
        tag: str | None = None,
        licence: str | None = None,
        overwrite_card: bool = False,
    ) -> "Commit":
        """Publishes the generator with its model card in one commit; `dcgan-hub push` also publishes the run's record.

        Args:
            repo_id: user/name; created if missing. A repository with other content is rejected.
            branch: target branch; created from main if missing.
            private: whether only its owner may see it; None: unchanged, or the account's default for a new repository.
            token: default: that of the logged-in user.
            commit_message: first line of the commit message.
            create_pr: whether to open a pull request instead.
            tag: tag for the commit, such as "v1"; must not exist yet.
            licence: a licence of the Hub's list, such as "cc0-1.0"; default: that of the images, else "unknown".
            overwrite_card: whether to replace a card that its owner has edited.

        Raises:
            HubError: if the Hub refuses; HubUnavailable if a later attempt may succeed. Nothing was changed.
            SettingsError: for a name that the Hub does not allow.
        """
        from dcgan_hub.bundle.publication import Target, publish_generator

        target = Target(
            repo_id=repo_id, branch=branch, private=private, token=token, message=commit_message, create_pr=create_pr,
            tag=tag, overwrite_card=overwrite_card,
        )  # fmt: skip
        return publish_generator(self, target, licence)

    def _repr_png_(self) -> bytes:
        """A sheet of 16 images, as notebooks show it."""
        shown = io.BytesIO()
        make_sheet(self.generate(NOTEBOOK_SEEDS), columns=8).save(shown, "PNG")
        return shown.getvalue()


def _in_batches(latents: np.ndarray, size: int) -> Iterator[np.ndarray]:
    return (latents[start : start + size] for start in range(0, len(latents), size))


def _check_parts(settings: NetworkSettings, network: keras.Model, facts: BundleFacts | None) -> None:
    if tuple(network.output_shape[1:]) != (*settings.image_size, settings.channels):
        raise BundleError(
            f"The network's output shape must be {(*settings.image_size, settings.channels)}, as in its settings. "
            f"Received: {network.output_shape[1:]}. Use build_generator(settings)."
        )
    if any(layer.compute_dtype != "float32" for layer in network.layers):
        raise BundleError(
            "The network must compute in float32, so that images are reproducible. Received: "
            f"{sorted({layer.compute_dtype for layer in network.layers})}. Copy the weights to "
            "build_generator(settings)."
        )
    if facts is not None and facts.network != settings:
        raise BundleError("`facts.network` must equal `settings`. Received: different ones. Give the same.")
