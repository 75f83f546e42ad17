"""The outcome of a run: finished, stopped, failed, or rolled back; it is always recorded in `run.json`."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dcgan_hub.console import Console
from dcgan_hub.errors import RunError
from dcgan_hub.training.callbacks import Clock, LossNotFinite, StopWhenDone
from dcgan_hub.training.checkpoint import StateNotFinite
from dcgan_hub.training.health.doctor import Doctor
from dcgan_hub.training.health.recovery import Rollback, find_remedy, go_back
from dcgan_hub.training.plan import Plan
from dcgan_hub.training.reporting.failures import describe_failure


@contextmanager
def outcome_recorded(plan: Plan, clock: Clock, doctor: Doctor, stop: StopWhenDone, console: Console) -> Iterator[None]:
    """Records in `run.json` how its block ends; the record must be set to "running" inside the block.

    Raises Rollback after the run was rolled back to a healthy state, from which it can continue.
    """
    try:
        with _taken_back_if_ill(plan, clock, doctor, stop, console):
            yield
    except Rollback:
        _note(plan, console, state="stopped", reason=_signal(stop) or "it was rolled back, to continue from there")
        raise
    except BaseException as error:
        reason = describe_failure(error, plan.effective_settings.training)
        _note(plan, console, state="failed", reason=reason, health=doctor.report())
        raise
    signal = _signal(stop)
    _note(plan, console, state="stopped" if signal else "finished", reason=signal or "the requested length was reached")


@contextmanager
def _taken_back_if_ill(
    plan: Plan, clock: Clock, doctor: Doctor, stop: StopWhenDone, console: Console
) -> Iterator[None]:
    """Rolls the run back after a Rollback, and also after non-finite values if there is a remedy."""
    try:
        yield
    except Rollback as rollback:
        _take_back(plan, rollback, console)
        raise
    except (LossNotFinite, StateNotFinite) as error:
        finding = doctor.diverged(clock.step, f"A loss or a weight became NaN or infinite at step {clock.step:,}")
        if not plan.may_heal or stop.is_out_of_time or not find_remedy(finding, plan.effective_settings):
            raise
        console.warn(f"step {finding.step:,}: {finding.words}")
        wanted = Rollback(finding, clock.step, clock.seconds_here)
        _take_back(plan, wanted, console)
        raise wanted from error


def _take_back(plan: Plan, rollback: Rollback, console: Console) -> None:
    console.warn(go_back(plan.run, plan.effective_settings, rollback.finding, rollback.step).describe())


def _signal(stop: StopWhenDone) -> str | None:
    return f"{stop.interrupted_by} was received" if stop.interrupted_by else None


def _note(plan: Plan, console: Console, **changes: Any) -> None:
    """Updates entries of `run.json`; a failure to write must not hide why the run ended."""
    if not plan.layout.is_chief or not plan.run.exists:
        return
    try:
        plan.run.write_record(plan.run.read_record() | changes)
    except (OSError, RunError) as error:
        console.warn(f"'{plan.run.record_file}' cannot be written ({error}), so the end of the run is not recorded.")
