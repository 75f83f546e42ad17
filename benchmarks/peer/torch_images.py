"""Images and facts of the peers that use PyTorch.

B images a batch, S x S pixels, C channels.
"""

from typing import Any


def to_tensor(batch: Any) -> Any:
    """uint8 (B, S, S, C) as an array to float32 (B, C, S, S) in [-1, 1]."""
    import torch

    return torch.from_numpy(batch).permute(0, 3, 1, 2).float() / 127.5 - 1.0


def to_pixels(images: Any) -> Any:
    """float32 (B, C, S, S) in [-1, 1] to uint8 (B, S, S, C) as an array."""
    pixels = ((images + 1.0) * 127.5).round().clamp(0, 255).byte()
    return pixels.permute(0, 2, 3, 1).numpy()


def facts_of(generator: Any, discriminator: Any) -> dict[str, Any]:
    """Numbers of parameters, version, threads."""
    import torch

    networks = {"generator": generator, "discriminator": discriminator}
    parameters = {name: sum(weight.numel() for weight in n.parameters()) for name, n in networks.items()}
    return {"parameters": parameters, "torch": torch.__version__, "threads": torch.get_num_threads()}
