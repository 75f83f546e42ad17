"""Progress of slow work on images, the only output of this part of the package."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

WORTH_A_WORD_SECONDS = 2.0


@contextmanager
def reported_progress(doing: str, total: int, *, show: bool) -> Iterator[Callable[[int], object]]:
    """Shows on standard error how far a work is, if it takes longer than two seconds.

    Args:
        doing: what is done, such as `Preparing 'photos/'`.
        total: number of images.
        show: False for silence. On a terminal there is a bar with the time left, elsewhere one line at the end.

    Yields:
        A function to be called with the number of images finished since the last call.
    """
    from tqdm import tqdm

    started = time.monotonic()
    show = show and sys.stderr is not None
    terminal = show and sys.stderr.isatty()
    options = {"total": total, "desc": doing, "unit": " images", "delay": WORTH_A_WORD_SECONDS, "file": sys.stderr}
    with tqdm(**options, disable=not terminal) as bar:
        yield bar.update
    seconds = time.monotonic() - started
    if show and not terminal and seconds > WORTH_A_WORD_SECONDS:
        sys.stderr.write(f"{doing}: {total:,} images in {seconds:.1f} s\n")
