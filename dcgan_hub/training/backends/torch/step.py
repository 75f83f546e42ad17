"""The operations of a step on PyTorch, which runs eagerly.

B images, P places of each, C channels. Operations are recorded for gradients only within the functions here that
compute some; otherwise each result of a step would keep its whole graph in memory.
"""

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import keras
import torch

from dcgan_hub.errors import SettingsError

# As TensorFlow does: processors compute with numbers below 1e-38, of which Adam makes many, a hundred times as slowly.
# Here, since threads inherit it from the one that starts them.
torch.set_flush_denormal(True)
GRAPH_ERRORS: tuple[type[BaseException], ...] = ()  # Python's exceptions come as they are


def replica_count() -> int:
    """One: several devices need TensorFlow."""
    return 1


def is_multi_worker() -> bool:
    """Never: several processes need TensorFlow."""
    return False


def near_python() -> contextlib.AbstractContextManager[Any]:
    """Variables made in it are in main memory: Python reads them in each step, and would wait for a GPU otherwise."""
    return keras.device("cpu")


def value_of(variable: keras.Variable) -> int:
    """The value of an integer made `near_python`, as a number: what is computed of it never waits for a GPU."""
    return int(variable.value)


def without_gradients(step: Callable[..., Any]) -> Callable[..., Any]:
    """Decorates a step: only the functions below record operations for gradients."""
    return torch.no_grad()(step)


def gradients(
    function: Callable[..., tuple[Any, ...]], variables: Sequence[keras.Variable] = (), images: Sequence[Any] = ()
) -> tuple[list[Any], tuple[Any, ...]]:
    """The gradients of the first of the results of `function(*images)` at the variables and the images; all results.

    Can be called within `function`, and the gradients at images differentiated once more.
    """
    is_inner = torch.is_grad_enabled()
    with torch.enable_grad():
        inputs = [tensor.detach().requires_grad_() for tensor in images]
        results = function(*inputs)
        points = [*(variable.value for variable in variables), *inputs]
        found = torch.autograd.grad(results[0], points, create_graph=is_inner)
    return list(found), results if is_inner else tuple(result.detach() for result in results)


def pull_back(function: Callable[[], Any], variables: Sequence[keras.Variable]) -> tuple[Any, Callable[[Any], Any]]:
    """The result of `function`, and a function from the gradients at it to those at the variables."""
    with torch.enable_grad():
        result = function()
    points = [variable.value for variable in variables]
    return result.detach(), lambda upstream: list(torch.autograd.grad(result, points, upstream))


def keeping_weights(network: keras.Model) -> contextlib.AbstractContextManager[Any]:
    """Gradients in it are those at the weights of each pass, even if passes change weights (spectral normalization)."""
    if any(isinstance(layer, keras.layers.SpectralNormalization) for layer in network.layers):
        return torch.autograd.graph.allow_mutation_on_saved_tensors()
    return contextlib.nullcontext()


def global_norm(tensors: Sequence[Any]) -> Any:
    """The Euclidean norm of all values of the tensors: a scalar."""
    return torch.nn.utils.get_total_norm(tensors)


def gather(rows: Any, numbers: Any) -> Any:
    """Of each image the rows with these numbers: (B, P, C) and int32 (B, Q) to (B, Q, C)."""
    return torch.take_along_dim(rows, numbers.long()[..., None], dim=1)


def compiled(function: Callable[..., Any]) -> Any:
    """Raises SettingsError: `torch.compile` cannot trace a step (docs/decisions/0031)."""
    raise SettingsError(
        "With PyTorch a step is not compiled. Received: jit_compile=True. Leave it out, or train with TensorFlow."
    )


def as_one_call(function: Callable[..., Any]) -> Any:
    """The function itself."""
    return function


def is_dense(images: Any) -> bool:
    """Whether this is an ordinary tensor."""
    return isinstance(images, torch.Tensor)


def call_checked(
    step: Callable[[Any], Any], values: Any, is_fine: Callable[[Any, Any], Any], refuse: Callable[[Any, Any], None]
) -> Any:
    """`step(values)`, but `refuse` instead if `is_fine` is not true; both get the lowest and the highest value."""
    lowest, highest = torch.aminmax(values.float())
    if not is_fine(lowest, highest):
        refuse(lowest, highest)
    return step(values)
