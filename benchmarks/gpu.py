"""Images a second on PyTorch: our step beside the network of PyTorch's DCGAN tutorial, by batch size.

usage: python benchmarks/gpu.py [--presets dcgan-64 dcgan-64-light] [--batches 64 256 1024] [--seconds 7] [--kills 2]
       [--minutes 3] [--json FILE]

Needs PyTorch and Keras, not TensorFlow, and is made for a GPU; on a processor it runs, for a trial. Prints for each
preset and batch size the images a second of whole steps (both updates, penalty, augmentation, moving average), the
share of time in which the GPU computes (CUDA only), and the largest memory. Ours is measured as it trains, and with
deterministic kernels; the tutorial's step as in the tutorial, and on a GPU tuned: channels last, bfloat16, compiled by
`torch.compile` with CUDA graphs. What does not fit, or cannot be compiled, is said.

Then a run with `--deterministic` is killed and resumed (benchmarks/kill_and_resume.py), and another one trains for some
minutes, whose quality is measured (benchmarks/quality.py). All takes eight minutes on a fast GPU; 0 leaves a part out.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kill_and_resume
from reporting.program import exit_status_of, require_positive, write_figures
from reporting.report import markdown_table, say

from dcgan_hub.errors import shorten

os.environ.setdefault("KERAS_BACKEND", "torch")
WARM_UP_STEPS = 3
FIGURES = ("images_a_second", "busy", "memory_bytes")
QUALITY = Path(__file__).resolve().parent / "quality.py"


def images_a_second(step: Callable[[], Any], batch: int, seconds: float) -> float | None:
    """Of a step, after some that do not count; None, with the reason, if it fails."""
    try:
        for _ in range(WARM_UP_STEPS):
            step()
        wait()
        start, made = time.perf_counter(), 0
        while made == 0 or time.perf_counter() - start < seconds:
            step()
            made += 1
            if made % 16 == 0:
                wait()
        wait()
        return made * batch / (time.perf_counter() - start)
    except Exception as error:  # too little memory, no compiler, an operation that cannot be compiled, ...
        say(f"  {type(error).__name__}: {shorten(str(error), 200)}")
        return None


def wait() -> None:
    import torch

    if torch.accelerator.is_available():
        torch.accelerator.synchronize()


def busy_share(step: Callable[[], Any]) -> float | None:
    """The share of time in which kernels run, over a few steps; None without CUDA."""
    import torch

    if not torch.cuda.is_available():
        return None
    activities = [torch.profiler.ProfilerActivity.CUDA]
    wait()
    start = time.perf_counter()
    with torch.profiler.profile(activities=activities) as profile:
        for _ in range(WARM_UP_STEPS):
            step()
        wait()
    microseconds = sum(event.self_device_time_total for event in profile.key_averages())
    return microseconds / 1e6 / (time.perf_counter() - start)


def our_step(preset: str, batch: int, is_deterministic: bool = False) -> Callable[[], Any]:
    """A step of ours."""
    import keras
    import numpy as np

    from dcgan_hub.presets import make_settings
    from dcgan_hub.training.backends import devices
    from dcgan_hub.training.hardware import resolve_precision
    from dcgan_hub.training.model import build_gan

    gan = build_gan(make_settings(preset, {"batch_size": batch, "precision": resolve_precision("auto")}))
    pixels = np.random.RandomState(0).randint(0, 256, (batch, *gan.image_shape), dtype=np.uint8)
    images = keras.ops.convert_to_tensor(pixels)
    if is_deterministic:
        devices.make_deterministic()  # until the end, so this comes last
    return lambda: gan.train_on_images(images)


def tutorial_step(batch: int, tuned: bool) -> Callable[[], Any]:
    """A step of PyTorch's DCGAN tutorial: 64 x 64 pixels, 64 feature maps, 100 latent dimensions."""
    import torch
    from torch import nn

    def down(inputs: int, outputs: int) -> list[nn.Module]:
        return [nn.Conv2d(inputs, outputs, 4, 2, 1, bias=False), nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2, True)]

    def up(inputs: int, outputs: int, stride: int) -> list[nn.Module]:
        convolution = nn.ConvTranspose2d(inputs, outputs, 4, stride, stride - 1, bias=False)
        return [convolution, nn.BatchNorm2d(outputs), nn.ReLU(True)]

    device = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else torch.device("cpu")
    first = [nn.Conv2d(3, 64, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, True)]
    judge = nn.Sequential(*first, *down(64, 128), *down(128, 256), *down(256, 512), nn.Conv2d(512, 1, 4, bias=False))
    last = [nn.ConvTranspose2d(64, 3, 4, 2, 1, bias=False), nn.Tanh()]
    draw = nn.Sequential(*up(100, 512, 1), *up(512, 256, 2), *up(256, 128, 2), *up(128, 64, 2), *last)
    judge, draw = judge.to(device), draw.to(device)
    if tuned:
        judge, draw = judge.to(memory_format=torch.channels_last), draw.to(memory_format=torch.channels_last)
    fuses = tuned and device.type == "cuda"
    rates = {"lr": 2e-4, "betas": (0.5, 0.999), "fused": fuses, "capturable": fuses}
    judge_optimizer, draw_optimizer = (torch.optim.Adam(net.parameters(), **rates) for net in (judge, draw))
    images = torch.rand(batch, 3, 64, 64, device=device) * 2 - 1
    loss = nn.BCEWithLogitsLoss()
    real, generated = torch.ones(batch, device=device), torch.zeros(batch, device=device)

    def losses() -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=tuned):
            fake = draw(torch.randn(batch, 100, 1, 1, device=device))
            objective = loss(judge(images).flatten(), real) + loss(judge(fake.detach()).flatten(), generated)
        objective.backward()
        judge_optimizer.step()
        judge_optimizer.zero_grad()
        with torch.autocast(device.type, torch.bfloat16, enabled=tuned):
            objective = loss(judge(fake).flatten(), real)
        objective.backward()
        draw_optimizer.step()
        draw_optimizer.zero_grad()
        judge_optimizer.zero_grad()

    return torch.compile(losses, mode="reduce-overhead") if fuses else losses


def measure(options: argparse.Namespace) -> list[dict[str, Any]]:
    import torch

    rows = []
    kinds: dict[str, Callable[[int], Callable[[], Any]]] = {
        **{preset: lambda batch, preset=preset: our_step(preset, batch) for preset in options.presets},
        "tutorial": lambda batch: tutorial_step(batch, tuned=False),
    }
    if torch.accelerator.is_available():
        kinds["tutorial, tuned"] = lambda batch: tutorial_step(batch, tuned=True)
    for preset in options.presets:
        kinds[f"{preset}, deterministic"] = lambda batch, preset=preset: our_step(preset, batch, is_deterministic=True)
    for name, make in kinds.items():
        for batch in options.batches:
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
                torch.cuda.reset_peak_memory_stats()
            step = make(batch)
            speed = images_a_second(step, batch, options.seconds)
            memory = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None
            row = {"what": name, "batch": batch, "images_a_second": speed, "memory_bytes": memory}
            rows.append(row | {"busy": busy_share(step) if speed else None})
            say(f"{name}, {batch} a batch: " + (f"{speed:,.0f} images a second" if speed else "not measured"))
    return rows


def run(options: argparse.Namespace) -> None:
    """Measures, prints, writes."""
    require_positive(vars(options), "seconds")
    rows = measure(options)
    cells = [
        [row["what"], str(row["batch"]), *(f"{row[name]:,.2f}" if row[name] else "" for name in FIGURES)]
        for row in rows
    ]
    print(markdown_table(["step", "batch", "images a second", "GPU busy", "memory in bytes"], cells))
    write_figures(options.json, {"rows": rows})
    torch_run = f"--backend torch {options.options}"
    if options.kills:
        words = ["--kills", str(options.kills), "--precision", "float32", "--steps", "300"]
        kill_and_resume.main([*words, f"--options=--deterministic {torch_run}"])
    if options.minutes:
        words = ["--only", "ours", "--minutes", str(options.minutes), f"--options={torch_run}"]
        subprocess.run([sys.executable, str(QUALITY), *words], check=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presets", nargs="*", default=["dcgan-64", "dcgan-64-light"])
    parser.add_argument("--batches", nargs="+", type=int, default=[64, 256, 1024])
    parser.add_argument("--seconds", type=float, default=7.0, help="of each measurement")
    parser.add_argument("--kills", type=int, default=2, help="of the run that is resumed; 0: none")
    parser.add_argument("--minutes", type=float, default=3.0, help="of the run whose quality is measured; 0: none")
    parser.add_argument("--options", default="", metavar="TEXT", help="more options of train.py for both runs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="figures of all measurements")
    options = parser.parse_args()
    return exit_status_of(lambda: run(options))


if __name__ == "__main__":
    raise SystemExit(main())
