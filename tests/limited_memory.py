"""The command line with little memory: usage: python limited_memory.py MEGABYTES WORD ...

So much, by address space, beyond what the process has once Keras and the backend are imported and its threads run:
where a thread cannot be started or a kernel made, PyTorch ends with a segmentation fault, and not with an error.
"""

import ctypes
import importlib
import os
import resource
import sys
from pathlib import Path

from dcgan_hub.cli import main
from dcgan_hub.training.backend_choice import choose_backend

M_ARENA_MAX = -8  # of mallopt: a thread's own arena would take 64 MB of address space


def start_threads_of_pytorch() -> None:
    """Computes a convolution and its gradients."""
    import torch

    images = torch.ones(64, 8, 32, 32, requires_grad=True)
    torch.nn.functional.conv_transpose2d(images, torch.ones(8, 8, 4, 4)).sum().backward()


if __name__ == "__main__":
    choose_backend("auto")
    importlib.import_module("dcgan_hub.training.train")  # which imports Keras and the backend
    if "torch" in sys.modules:
        start_threads_of_pytorch()
    ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * os.sysconf("SC_PAGE_SIZE") + (int(sys.argv[1]) << 20)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    sys.exit(main(sys.argv[2:]))
