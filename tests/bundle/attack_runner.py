"""A program that opens every bundle below a folder and prints what came of it, as JSON: run by test_attacks.py.

Keras and TensorFlow are imported and warm before the memory limit is set; then nothing but the opening itself is left,
and every event that Python's audit hook reports during it is kept.
"""

import json
import os
import resource
import sys
import time
from pathlib import Path

MEMORY_BYTES = 500 * 10**6
GOLDEN = Path(__file__).parent.parent / "golden" / "tiny-bundle"
# Whatever could run what is in a file, or send it somewhere. "import" stands for any module that was not there before.
WATCHED = (
    "open", "os.", "shutil.", "exec", "compile", "import", "pickle.", "marshal.", "code.", "subprocess.", "pty.",
    "socket.", "urllib.", "http.", "ftplib.", "ctypes.", "mmap.", "tempfile.", "sqlite3.", "glob.", "pathlib.",
)  # fmt: skip
HARMLESS = ("os.listdir", "os.scandir", "pathlib.Path.glob")

watching = False
events: list[list[str]] = []


def watch(event: str, arguments: tuple[object, ...]) -> None:
    if watching and event.startswith(WATCHED) and event not in HARMLESS:
        if event == "open" and isinstance(arguments[0], int):
            return  # a file object around what was opened the moment before
        if event == "import" and str(arguments[0]) in sys.modules:
            return
        if event == "open":
            kind = "write" if _may_write(arguments) else "open"
            events.append([kind, os.fsdecode(arguments[0])])
        else:
            events.append([event, repr(arguments)[:200]])


def _may_write(arguments: tuple[object, ...]) -> bool:
    mode, flags = arguments[1], arguments[2]
    by_mode = isinstance(mode, str) and any(sign in mode for sign in "wax+")
    by_flags = isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC))
    return by_mode or by_flags


def limit_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.getrlimit(resource.RLIMIT_AS)[1]))


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def open_bundle(path: str) -> dict[str, object]:
    """What came of opening one bundle: the error's type and text, seconds, growth of the peak of memory, events."""
    global watching
    from dcgan_hub.bundle.generator import Generator

    events.clear()
    before, start, result = peak_bytes(), time.perf_counter(), {"error": "", "message": "", "pixels": ""}
    watching = True
    try:
        generator = Generator.from_pretrained(path)
    except BaseException as error:
        watching = False
        result |= {"error": type(error).__name__, "message": str(error)}
    else:
        watching = False
        result["pixels"] = generator.generate([1]).tobytes().hex()
    result |= {"seconds": time.perf_counter() - start, "growth": peak_bytes() - before, "events": list(events)}
    return result


def main() -> None:
    from dcgan_hub.bundle.generator import Generator

    paths = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    for _ in range(2):
        Generator.from_pretrained(GOLDEN).generate([1])
    sys.addaudithook(watch)
    limit_memory()
    json.dump({name: open_bundle(path) for name, path in paths.items()}, sys.stdout)


if __name__ == "__main__":
    main()
