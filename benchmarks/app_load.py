"""How the app bears many visitors at once: speed, failures and memory under mixed calls.

usage: python benchmarks/app_load.py [--clients 50] [--seconds 60] [--pause 0] [--seed 0]

Starts app.py in a process of its own with the embedded generator and two small runs, loads the generator, and lets the
clients call over plain HTTP, each in one session as a page has it, and again as soon as it was answered, or after a
pause as people make. Most calls draw 16 images of new seeds; others ask for seeds drawn before, film strips, mixes,
facts and runs. After each call that draws, one of its pictures is fetched and decoded. Prints calls a second, latencies
by kind in milliseconds, failures, and the resident memory (RSS) of the server with its children. Ends with status 1 if
a call failed, if 5 % of the calls for 16 new images took 2 s or more, or if memory grew by 5 % or more in the last
30 s. The clients compute on the same cores as the server.
"""

import argparse
import io
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from dcgan_hub.images.grids import make_sheet, save_png  # noqa: E402, of this checkout
from dcgan_hub.presets import make_settings  # noqa: E402
from dcgan_hub.runs.directory import RunDirectory  # noqa: E402

MODEL = "avatars"
RUNS = ("first", "second")
START_SECONDS, ANSWER_SECONDS, LAST_SECONDS = 120, 60, 30
SLOWEST, MAX_GROWTH = 2.0, 0.05
DRAWN_BEFORE = 40  # first seeds that visitors come back to
SHARES = {"16 new images": 60, "16 known images": 15, "film strip": 8, "mix": 7, "facts": 5, "runs": 3, "run": 2}


class CallFailed(Exception):
    """The app answered with an error, or not at all."""


@dataclass
class Tally:
    """What the clients have seen; all of them write to it."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in [*SHARES, "picture"]})
    failures: Counter[str] = field(default_factory=Counter)
    memory: list[tuple[float, int]] = field(default_factory=list)  # seconds since the start, bytes


def random_call(kind: str, chance: random.Random) -> tuple[str, list[Any]]:
    """An endpoint and its inputs."""

    def seeds(count: int) -> str:
        return ",".join(str(chance.randrange(2**32)) for _ in range(count))

    if kind == "16 new images":
        return "generate", [MODEL, str(chance.randrange(2**32 - 16)), 16, 1.0]
    if kind == "16 known images":
        return "generate", [MODEL, str(16 * chance.randrange(DRAWN_BEFORE)), 16, 1.0]
    if kind == "film strip":
        return "filmstrip", [MODEL, seeds(4), 9, "slerp", True, 1.0]
    if kind == "mix":
        return "mix", [MODEL, seeds(3), seeds(3), seeds(3), 1.0]
    return kind, {"facts": [MODEL], "runs": [], "run": [chance.choice(RUNS)]}[kind]


def call(client: httpx.Client, session: str, endpoint: str, inputs: list[Any]) -> list[Any]:
    """Sends a call to the queue and waits for its answer."""
    sent = client.post(f"/gradio_api/call/{endpoint}", json={"data": inputs, "session_hash": session})
    if sent.status_code != httpx.codes.OK:
        raise CallFailed(f"{endpoint}: status {sent.status_code}")
    event, values = "", None
    with client.stream("GET", f"/gradio_api/call/{endpoint}/{sent.json()['event_id']}") as answer:
        for line in answer.iter_lines():
            if line.startswith("event: "):
                event = line.removeprefix("event: ")
            elif line.startswith("data: ") and event == "error":
                raise CallFailed(f"{endpoint}: {line[:200]}")
            elif line.startswith("data: ") and event == "complete":
                values = json.loads(line.removeprefix("data: "))
    if not isinstance(values, list):
        raise CallFailed(f"{endpoint}: the answer broke off")
    return values


def fetch_picture(client: httpx.Client, answer: list[Any]) -> None:
    """Fetches the first picture of a gallery, as a browser does."""
    picture = client.get(f"/gradio_api/file={answer[0][0]['image']['path']}")
    if picture.status_code != httpx.codes.OK:
        raise CallFailed(f"picture: status {picture.status_code}")
    Image.open(io.BytesIO(picture.content)).load()


def paced_kinds(
    shares: dict[str, int], number: int, options: argparse.Namespace, end: float
) -> Iterator[tuple[str, random.Random]]:
    """The kinds of call that a client makes, with pauses before each, until `end`; and its random numbers."""
    chance = random.Random(options.seed * 1000 + number)
    while (wait := chance.uniform(0, 2 * options.pause)) < end - time.monotonic():
        time.sleep(wait)
        yield chance.choices(list(shares), list(shares.values()))[0], chance


def visit(url: str, number: int, options: argparse.Namespace, end: float, tally: Tally) -> None:
    """One client: call after call until `end`."""
    with httpx.Client(base_url=url, timeout=ANSWER_SECONDS, trust_env=False) as client:
        for kind, chance in paced_kinds(SHARES, number, options, end):
            endpoint, inputs = random_call(kind, chance)
            try:
                answer = timed(tally.seconds[kind], call, client, f"client-{number}", endpoint, inputs)
                if endpoint in ("generate", "filmstrip", "mix"):
                    timed(tally.seconds["picture"], fetch_picture, client, answer)
            except (CallFailed, httpx.HTTPError, OSError, ValueError) as error:
                tally.failures[f"{kind}: {type(error).__name__} {error}"[:200]] += 1


def timed(seconds: list[float], action: Callable[..., Any], *inputs: Any) -> Any:
    """Appends how long an action took, if it succeeded."""
    start = time.monotonic()
    result = action(*inputs)
    seconds.append(time.monotonic() - start)
    return result


def family_memory(process_id: int) -> int:
    """Resident bytes of a process and everything that it has started."""
    try:
        status = Path(f"/proc/{process_id}/status").read_text()
        children = [path.read_text().split() for path in Path(f"/proc/{process_id}/task").glob("*/children")]
    except OSError:
        return 0  # it has ended meanwhile
    own = next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")), 0) * 1024
    return own + sum(family_memory(int(child)) for group in children for child in group)


def make_runs(folder: Path) -> Path:
    """Two finished runs with twenty sheets each."""
    for name in RUNS:
        run = RunDirectory(folder / name)
        run.path.mkdir(parents=True)
        run.write_record({"settings": make_settings("avatars-32", {}).to_dict(), "state": "finished", "reason": ""})
        for step in range(0, 10_000, 500):
            save_png(make_sheet(np.full((64, 32, 32, 3), step // 50, np.uint8), scale=1), run.sample_file(step))
            run.append_metrics({"step": step, "g_loss": 1.0, "d_loss": 0.5})
    return folder


@contextmanager
def started_app(folder: Path, hub: str | None = None) -> Iterator[tuple[str, int]]:
    """The app's address and process id, once the generator has drawn; `hub`: address of the Hub that visitors open."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [sys.executable, str(ROOT / "app.py"), "--port", str(port), "--runs", str(make_runs(folder / "runs"))]
    (folder / "temporary").mkdir()
    environment = os.environ | {
        "GRADIO_TEMP_DIR": str(folder / "served"), "TMPDIR": str(folder / "temporary"),
        "HF_ENDPOINT": hub or "http://127.0.0.1:9",
    }  # fmt: skip
    if hub is None:
        words.append("--no-hub")
    log = folder / "app.log"
    with (
        log.open("wb") as output,
        subprocess.Popen(words, cwd=folder, env=environment, stdout=output, stderr=output) as process,
    ):
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until_drawing(url, process, log)
            yield url, process.pid
        finally:
            process.terminate()
    if "Traceback" in log.read_text(errors="replace"):
        print("The app's log has tracebacks; its end:", log.read_text(errors="replace")[-2000:], sep="\n")


def wait_until_drawing(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    with httpx.Client(base_url=url, timeout=ANSWER_SECONDS, trust_env=False) as client:
        while process.poll() is None and time.monotonic() < deadline:
            try:
                call(client, "first", "generate", [MODEL, "0", 16, 1.0])
                return
            except httpx.TransportError:
                time.sleep(0.2)
    raise SystemExit(f"The app did not start:\n{log.read_text(errors='replace')}")


def visit_together(url: str, process_id: int, options: argparse.Namespace) -> tuple[Tally, float]:
    """All clients at once; what they saw, and the seconds until the last one was answered."""
    tally, start = Tally(), time.monotonic()
    end = start + options.seconds
    clients = [
        threading.Thread(target=visit, args=(url, number, options, end, tally)) for number in range(options.clients)
    ]
    tally.memory.append((0.0, family_memory(process_id)))
    for client in clients:
        client.start()
    while time.monotonic() < end:
        time.sleep(min(1.0, max(0.0, end - time.monotonic())))
        tally.memory.append((time.monotonic() - start, family_memory(process_id)))
    for client in clients:
        client.join()
    return tally, time.monotonic() - start


def memory_at(tally: Tally, second: float) -> int:
    return min(tally.memory, key=lambda sample: abs(sample[0] - second))[1]


def slow(seconds: list[float]) -> float:
    """The 95th percentile; infinite where nothing was answered."""
    return float(np.percentile(seconds, 95)) if seconds else float("inf")


def report(tally: Tally, elapsed: float, seconds: float) -> bool:
    """Prints everything; whether the targets are met."""
    calls = sum(len(values) for kind, values in tally.seconds.items() if kind != "picture")
    failed = sum(tally.failures.values())
    print(f"{calls} calls in {elapsed:.1f} s: {calls / elapsed:.1f} a second, {failed} failed")
    for kind, values in tally.seconds.items():
        if values:
            middle, late = 1000 * statistics.median(values), 1000 * slow(values)
            print(f"  {kind:<16} {len(values):6d}   median {middle:7.0f} ms   95 % {late:7.0f} ms")
    for words, count in tally.failures.most_common(10):
        print(f"  failed {count} times: {words}")
    last = min(LAST_SECONDS, seconds / 2)
    begin, half, before, end = (memory_at(tally, second) for second in (0, seconds / 2, seconds - last, seconds))
    growth = end / before - 1
    megabytes = " · ".join(
        f"{name} {size / 1e6:.0f}" for name, size in (("start", begin), ("half", half), ("end", end))
    )
    print(f"memory in MB: {megabytes} · growth in the last {last:g} s {growth:+.1%}")
    return not failed and slow(tally.seconds["16 new images"]) < SLOWEST and growth < MAX_GROWTH


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--pause", type=float, default=0.0, help="mean seconds between an answer and the next call")
    parser.add_argument("--seed", type=int, default=0, help="of what the clients ask for")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, started_app(Path(folder)) as (url, process_id):
        tally, elapsed = visit_together(url, process_id, options)
    return 0 if report(tally, elapsed, options.seconds) else 1


if __name__ == "__main__":
    raise SystemExit(main())
