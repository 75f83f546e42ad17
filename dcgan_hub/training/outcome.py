"""How a run ends: finished, stopped, failed, or taken back to be healed. Its record says so, whatever happens."""

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
    """Notes in `run.json` how what is done inside comes to its end; all that makes the record say "running" is inside.

    Raises Rollback once the run was taken back to a healthy state, from which it can go on.
    """
    try:
        with _taken_back_if_ill(plan, clock, doctor, stop, console):
            yield
    except Rollback:
        _note(plan, console, state="stopped", reason=_signal(stop) or "it was taken back, to go on from there")
        raise
    except BaseException as error:
        reason = describe_failure(error, plan.effective_settings.training)
        _note(plan, console, state="failed", reason=reason, health=doctor.report())
        raise
    signal = _signal(stop)
    _note(plan, console, state="stopped" if signal else "finished", reason=signal or "the length asked for was reached")


@contextmanager
def _taken_back_if_ill(
    plan: Plan, clock: Clock, doctor: Doctor, stop: StopWhenDone, console: Console
) -> Iterator[None]:
    """Takes the run back after a Rollback, and makes one of figures that are not finite, where there is a remedy."""
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
    """Changes entries of `run.json`. That this fails must not hide why the run ended."""
    if not plan.layout.is_chief or not plan.run.exists:
        return
    try:
        plan.run.write_record(plan.run.read_record() | changes)
    except (OSError, RunError) as error:
        console.warn(f"'{plan.run.record_file}' cannot be written ({error}), so it does not say how the run ended.")
