"""`dcgan-hub interpolate`: an interpolation from seed to seed as a video, animation or folder of frames."""

import argparse
import sys
from pathlib import Path

from dcgan_hub.commands.models import add_classes, add_model, add_truncation, load_model
from dcgan_hub.commands.seeds import SEEDS_HELP, parse_seeds
from dcgan_hub.commands.writing import add_overwrite, check_output_file, check_output_folder, progress
from dcgan_hub.errors import SettingsError

SUMMARY = "interpolate between seeds in the latent space: .mp4, .gif, .webp or a folder of PNG files"
EXAMPLES = """\
dcgan-hub interpolate runs/anime --seeds 1,2,3 --frames 120 --loop --out walk.mp4
dcgan-hub interpolate avatars --seeds 10-14 --out frames/
dcgan-hub interpolate runs/fashion --seeds 7,7 --classes trouser,dress --out walk.gif"""

FRAMES_A_SEGMENT = 60
MAX_FRAMES = 100_000
COMFORTABLE_SIDE = 256  # pixels, to which smaller animations are enlarged


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's options."""
    add_model(parser)
    parser.add_argument("--seeds", metavar="LIST", required=True, help=f"two or more {SEEDS_HELP}")
    parser.add_argument("--out", metavar="FILE", type=Path, required=True, help=".mp4, .gif, .webp, or a new folder")
    parser.add_argument(
        "--frames", metavar="N", type=int, help=f"total number of frames [{FRAMES_A_SEGMENT} from seed to seed]"
    )
    parser.add_argument("--fps", metavar="RATE", type=float, default=24.0, help="frames per second [24]")
    parser.add_argument("--loop", action="store_true", help="return to the first seed, for an endless animation")
    parser.add_argument(
        "--method",
        choices=("slerp", "lerp"),
        default="slerp",
        help="spherical or linear interpolation of the latents [slerp]",
    )
    parser.add_argument(
        "--scale", metavar="N", type=int, help="enlarge N times [animations: to at most 256 pixels; PNG files: 1]"
    )
    add_classes(parser, "one for all seeds, or one for each")
    add_truncation(parser)
    add_overwrite(parser)


def run(arguments: argparse.Namespace) -> int:
    """Generates the frames and writes them."""
    from dcgan_hub.images.animations import check_animation, save_animation
    from dcgan_hub.networks.classes import parse_classes

    seeds = parse_seeds(arguments.seeds)
    frames = _chosen_frames(arguments, len(seeds))
    check_animation(arguments.out, arguments.fps, 1 if arguments.scale is None else arguments.scale)
    if arguments.out.suffix:
        check_output_file(arguments.out, arguments.overwrite)
    else:
        check_output_folder(arguments.out)

    generator = load_model(arguments)
    classes = None if arguments.classes is None else parse_classes(arguments.classes, generator.class_names)
    if classes is not None and len(classes) == 1:
        classes *= len(seeds)
    latents = generator.walk(seeds, frames, arguments.method, arguments.loop, classes)
    chunks = generator.generate_in_chunks(latents=latents, truncation=arguments.truncation)
    scale = arguments.scale or _comfortable_scale(generator.image_shape, arguments.out)
    with progress((image for chunk in chunks for image in chunk), frames, "frames") as images:
        save_animation(images, arguments.out, arguments.fps, scale)
    seconds = f", {frames / arguments.fps:.1f} seconds" if arguments.out.suffix else ""
    sys.stdout.write(f"Wrote {frames:,} frames{seconds} to {arguments.out}.\n")
    return 0


def _chosen_frames(arguments: argparse.Namespace, keys: int) -> int:
    if keys < 2:
        raise SettingsError(
            f"An interpolation needs at least 2 seeds. Received: --seeds {arguments.seeds}. "
            f"Try --seeds {arguments.seeds},2."
        )
    segments = keys if arguments.loop else keys - 1
    default = segments * FRAMES_A_SEGMENT + (0 if arguments.loop else 1)
    frames = default if arguments.frames is None else arguments.frames
    if not 2 <= frames <= MAX_FRAMES:
        raise SettingsError(
            f"`--frames` must be 2 to {MAX_FRAMES:,}. Received: {frames:,} frames for {keys:,} seeds. "
            f"Nearest valid: --frames {min(max(frames, 2), MAX_FRAMES)}."
        )
    return frames


def _comfortable_scale(image_shape: tuple[int, int, int], out: Path) -> int:
    """The default scale: small animations are enlarged for viewing, frames in a folder keep their size."""
    return max(1, COMFORTABLE_SIDE // max(image_shape[:2])) if out.suffix else 1
