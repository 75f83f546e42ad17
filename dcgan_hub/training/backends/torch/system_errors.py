"""What errors of PyTorch mean."""

import torch

SYSTEM_ERRORS: tuple[type[BaseException], ...] = ()  # besides those of Python
# Of Apple's GPUs, of processors on Windows and elsewhere, and of oneDNN, which gives no better reason.
OTHER_MEMORY_ERRORS = ("out of memory", "not enough memory", "can't allocate memory", "could not create a primitive")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether networks and batch do not fit into memory."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in OTHER_MEMORY_ERRORS)


def is_nondeterministic(error: BaseException) -> bool:
    """Whether an operation has no deterministic kernel."""
    return isinstance(error, RuntimeError) and "does not have a deterministic implementation" in str(error)


def is_lost_worker(error: BaseException) -> bool:
    """Never: there are no other workers."""
    return False
