"""`dcgan-hub`: finds the subcommand, runs it, and turns mistakes of the user into one message and exit status 2."""

import argparse
import importlib
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType, ModuleType
from typing import Any

from dcgan_hub import __version__
from dcgan_hub.errors import DcganHubError

# In the order of `--help`. Each is a module of `dcgan_hub.commands`; what it must have is said there.
COMMANDS = (
    "train", "inspect", "sample", "interpolate", "directions", "find", "evaluate", "page", "export", "push", "app",
    "space",
)  # fmt: skip

MISTAKE = 2  # as argparse's own errors
INTERRUPTED = 130  # as shells say it: 128 + SIGINT
BROKEN_PIPE = 141  # 128 + SIGPIPE

# No abbreviations: a script that uses one breaks when a longer option comes.
PARSER_OPTIONS: dict[str, Any] = {"formatter_class": argparse.RawDescriptionHelpFormatter, "allow_abbrev": False}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Args:
        argv: words behind `dcgan-hub`; those of the process if None.

    Returns:
        Exit status: 0, 2 for a mistake of the user, 130 after Ctrl-C or SIGTERM.

    Raises:
        SystemExit: from argparse, with status 2 for a wrong option and 0 after `--help`.
    """
    return _run(make_parser().parse_args(argv))


def main_of(name: str, program: str) -> int:
    """Runs one subcommand as a program of its own, such as `train.py`, called so in its help; see `main`."""
    module = importlib.import_module(f"dcgan_hub.commands.{name}")
    parser = argparse.ArgumentParser(prog=program, **_texts(module), **PARSER_OPTIONS)
    module.add_arguments(parser)
    parser.set_defaults(run_command=module.run)
    return _run(parser.parse_args())


def _run(arguments: argparse.Namespace) -> int:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that cannot show a sign of a file name shows its number
            stream.reconfigure(errors="backslashreplace")
    try:
        with _ended_by_sigterm():
            return arguments.run_command(arguments)
    except DcganHubError as error:
        sys.stderr.write(f"error: {error}\n")
        return MISTAKE
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python would complain when it ends
        return BROKEN_PIPE
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped.\n")
        return INTERRUPTED


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Ends a command at SIGTERM as at Ctrl-C, so that its temporary files are removed.

    Python allows handlers of signals in the main thread only; a command that runs in another one has none.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def _interrupt(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)  # a second one must not stop the removal of files
    raise KeyboardInterrupt


def make_parser() -> argparse.ArgumentParser:
    """The parser of all subcommands."""
    commands = [(name, importlib.import_module(f"dcgan_hub.commands.{name}")) for name in COMMANDS]
    examples = "\n".join(f"  {module.EXAMPLES.splitlines()[0]}" for _, module in commands)
    parser = argparse.ArgumentParser(
        prog="dcgan-hub",
        description="Train an image generator, use it and publish it. RUN is a run directory, a bundle folder,\n"
        "user/name on the Hugging Face Hub, or avatars, the generator that comes with this package.",
        epilog=f"examples:\n{examples}\n\n`dcgan-hub COMMAND --help` shows a command's options.",
        **PARSER_OPTIONS,
    )
    parser.add_argument("--version", action="version", version=f"dcgan-hub {__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, module in commands:
        command = subparsers.add_parser(name, help=module.SUMMARY, **_texts(module), **PARSER_OPTIONS)
        module.add_arguments(command)
        command.set_defaults(run_command=module.run)
    return parser


def _texts(module: ModuleType) -> dict[str, Any]:
    return {
        "description": module.SUMMARY[0].upper() + module.SUMMARY[1:] + ".",
        "epilog": "examples:\n" + "\n".join(f"  {line}" for line in module.EXAMPLES.splitlines()),
    }


if __name__ == "__main__":
    sys.exit(main())
