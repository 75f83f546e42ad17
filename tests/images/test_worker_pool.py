import os
import signal
import time

import pytest

from dcgan_hub.images.preparation.worker_pool import run_tasks, usable_cores


def double(task: list[int]) -> list[int]:
    return [2 * number for number in task]


def die_at_seven(task: list[int]) -> list[int]:
    """Stands for a decoder that a hostile file crashes."""
    if 7 in task:
        os.kill(os.getpid(), signal.SIGKILL)
    return double(task)


def fail(task: list[int]) -> list[int]:
    raise OSError(28, "No space left on device")


def chatter(task: list[int]) -> list[int]:
    print("a library says something on the standard output" * 1000)
    return double(task)


def halves(task: list[int]) -> list[list[int]]:
    return [task[: len(task) // 2], task[len(task) // 2 :]] if len(task) > 1 else []


def run(function, tasks, workers=2):
    results = run_tasks(function, tasks, workers, split=halves, lost=lambda task: [-task[0]])
    return sorted(number for result in results for number in result)


TASKS = [[1, 2, 3], [4], [5, 6, 7, 8], [9, 10], [11], [12]]


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_every_task_is_done_once(workers):
    assert run(double, TASKS, workers) == list(range(2, 26, 2))
    assert run(double, [], workers) == []


def test_only_the_item_that_kills_its_worker_is_lost():
    assert run(die_at_seven, TASKS) == sorted([*(2 * n for n in range(1, 13) if n != 7), -7])


def test_an_error_in_a_worker_is_raised_here_and_ends_the_others():
    with pytest.raises(OSError, match="No space left"):
        run(fail, TASKS)


def test_printing_in_a_worker_disturbs_nothing(capfd):
    assert run(chatter, TASKS) == list(range(2, 26, 2))
    assert "says something" in capfd.readouterr().err


def test_giving_up_early_ends_the_workers():
    before = time.monotonic()
    results = run_tasks(double, ([n] for n in range(10**9)), 2, split=halves, lost=halves)
    next(results)
    results.close()
    assert time.monotonic() - before < 5


def test_where_no_worker_can_be_started_the_work_is_done_here(monkeypatch):
    monkeypatch.setattr("sys.executable", "/bin/false")
    assert run(double, TASKS) == list(range(2, 26, 2))


def test_there_is_at_least_one_core():
    assert usable_cores() >= 1
