"""The command line with little memory: usage: python limited_memory.py MEGABYTES WORD ...

So much, by address space, beyond what the process has once Keras and the backend are imported.
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

if __name__ == "__main__":
    choose_backend("auto")
    importlib.import_module("dcgan_hub.training.train")  # which imports Keras and the backend
    ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * os.sysconf("SC_PAGE_SIZE") + (int(sys.argv[1]) << 20)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    sys.exit(main(sys.argv[2:]))
