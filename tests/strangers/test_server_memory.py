"""What the app needed for many goes back to the system when they have gone."""

import json
import sys

import pytest
from preloaded import Program

MEGABYTE = 1_000_000
# Regions of many threads, each with a block in use behind those that were freed.
WORK_AND_REST = """
import json, threading, time
from pathlib import Path
from dcgan_hub.demo.serving.idle_memory import IdleMemory

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
