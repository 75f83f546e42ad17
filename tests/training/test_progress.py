"""The progress line: what it says, and that its time left follows the speed."""

import io

import pytest

from dcgan_hub.console import Console, format_bytes, format_duration
from dcgan_hub.runs.checkpoint_files import Progress
from dcgan_hub.training.callbacks import Clock, ShowProgress, StopWhenDone
from dcgan_hub.training.interruption import Interruption

LOGS = {"g_loss": 1.234, "d_loss": 0.5, "real_accuracy": 0.9, "generated_accuracy": 0.25}


class SteppedClock(Clock):
    """A clock whose seconds are set by the test."""

    seconds_here = 0.0


def make(last_step, seconds):
    clock = SteppedClock(Progress(step=100, images_seen=400), batch_size=4)
    stop = StopWhenDone(clock, last_step, seconds, Interruption(Console(io.StringIO())))
    return clock, stop, ShowProgress(clock, stop, Console(io.StringIO()))


def line_after(clock, progress, steps, seconds):
    clock.step, clock.seconds_here = 100 + steps, seconds
    progress.on_train_batch_end(0, LOGS)
    return progress._line(LOGS)


def test_the_line_shows_steps_time_speed_losses_accuracies_and_images():
    clock, _, progress = make(last_step=1101, seconds=None)
    assert "measuring" in line_after(clock, progress, steps=1, seconds=30.0)  # the first step compiles
    assert line_after(clock, progress, steps=11, seconds=32.0) == (
        "step 111/1,101 | 3:18 left | 20 images/s | loss G 1.23 D 0.50 | D accuracy real 90% generated 25% | "
        "444 images seen"
    )


def speed_of(line):
    return float(line.split("|")[2].removesuffix(" images/s "))


def test_the_speed_hardly_notices_a_pause_and_follows_when_it_stays_another():
    clock, _, progress = make(last_step=100_000, seconds=None)
    for second in range(1, 101):  # 20 images a second
        line = line_after(clock, progress, steps=5 * second, seconds=second)
    assert speed_of(line) == 20
    assert 15 < speed_of(line_after(clock, progress, steps=501, seconds=110.0)) < 20  # quality was measured
    for second in range(111, 411):
        line = line_after(clock, progress, steps=501 + 2 * (second - 110), seconds=second)
    assert 8 <= speed_of(line) < 8.5


def test_with_a_budget_of_time_the_rest_of_it_is_left():
    clock, _, progress = make(last_step=None, seconds=100.0)
    line_after(clock, progress, steps=1, seconds=10.0)
    assert "| 1:08 left |" in line_after(clock, progress, steps=2, seconds=32.0)


def test_a_narrow_terminal_gets_a_line_that_fits(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setenv("COLUMNS", "20")
    stream = Terminal()
    console = Console(stream)
    console.progress(lambda: "x" * 50)
    console.say("done")
    assert stream.getvalue() == "\r\x1b[K" + "x" * 19 + "\ndone\n"


def test_the_line_is_put_into_words_only_when_it_is_shown():
    console, calls = Console(io.StringIO()), []
    for number in range(5):
        console.progress(lambda number=number: calls.append(number) or "words")
    assert calls == [0]
    assert console.stream.getvalue() == "words\n"


@pytest.mark.parametrize("seconds, text", [(0, "0:00"), (75, "1:15"), (7275, "2:01:15"), (59.6, "1:00")])
def test_durations(seconds, text):
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    "count, text", [(999, "999 bytes"), (123_456_789, "123 MB"), (2e9, "2.0 GB"), (None, "unknown")]
)
def test_bytes(count, text):
    assert format_bytes(count) == text
