"""What the app needed for many goes back to the system when they have gone."""

import json
import os
import re
import subprocess
import sys

import pytest
from preloaded import Program

from dcgan_hub.demo.serving.memory import ARENAS, ARENAS_VARIABLE

MEGABYTE = 1_000_000
# Regions of many threads, each with a block in use behind those that were freed.
WORK_AND_REST = """
import json, threading, time
from pathlib import Path
from dcgan_hub.demo.serving.memory import IdleMemory

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

def answer():
    blocks = [b"x" * 50_000 for _ in range(400)]
    kept.append(b"x" * 50_000)
    everybody.wait(30)

memory, kept, everybody = IdleMemory(), [], threading.Barrier(8)
threads = [threading.Thread(target=answer) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
seen = [resident()]
memory.give_back()
seen.append(resident())
time.sleep(0.5)
memory.give_back()
print(json.dumps([*seen, resident()]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep less")
def test_memory_of_many_threads_is_given_back_once_they_rest() -> None:
    program = Program("-c", WORK_AND_REST)
    assert program.wait(60) == 0, program.output()
    worked, working, idle = json.loads(program.output())
    assert worked - working < 20 * MEGABYTE, "while it works it keeps what it will need again"
    assert working - idle > 100 * MEGABYTE


THREADS_AT_ONCE = """
import ctypes, sys, threading
from dcgan_hub.demo.serving.memory import limit_arenas

if sys.argv[1] == "limited":
    limit_arenas()
everybody = threading.Barrier(12)

def answer():
    everybody.wait(30)
    b"x" * 50_000
    everybody.wait(30)

threads = [threading.Thread(target=answer) for _ in range(12)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
ctypes.CDLL(None).malloc_stats()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no arenas")
def test_threads_share_few_arenas() -> None:
    assert arenas_of("limited") == ARENAS < arenas_of("as-they-are")
    assert arenas_of("limited", "3") == 3, "what an operator sets stays"


def arenas_of(word: str, given: str | None = None) -> int:
    """How many arenas twelve threads use in a process of their own, since a fork would have those of its parent."""
    environment = {name: value for name, value in os.environ.items() if name != ARENAS_VARIABLE}
    environment |= {ARENAS_VARIABLE: given} if given else {}
    command = [sys.executable, "-c", THREADS_AT_ONCE, word]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    return len(re.findall(r"^Arena \d+:", ended.stderr, re.MULTILINE))
