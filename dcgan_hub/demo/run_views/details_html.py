"""Settings, data, machine and history of a run as HTML, with every text escaped."""

from collections.abc import Iterable
from typing import Any

from dcgan_hub.console import rough_duration
from dcgan_hub.demo.html import escaped, note, plain_rows, table
from dcgan_hub.demo.run_views.timeline import course_of, progress_of, speed_of, state_of
from dcgan_hub.errors import shorten
from dcgan_hub.runs.snapshot import Run
from dcgan_hub.runs.untrusted import section, text

MAX_CELL_LENGTH = 24
SETTING_SECTIONS = ("data", "network", "training")


def heading(run: Run, link: str) -> str:
    """Name and state of a run, and a link that opens the page with it."""
    state = state_of(run)
    problems = "".join(f"<p class='run-problem'>{escaped(problem)}</p>" for problem in run.problems)
    return (
        f"<h2 class='run-title'>{escaped(run.title)} <span class='badge {state.kind}'>{state.kind}</span></h2>"
        f"<p class='note'>{escaped(state.words)} <a data-link href='{escaped(link)}'>Link to this run</a></p>{problems}"
    )


def details(run: Run, is_open: bool = True) -> str:
    """History, metrics, data, settings and machine of a run as collapsible parts; `is_open` applies to the first."""
    settings, data, machine = section(run.record, "settings"), _data(run), _machine(run)
    parts = [
        _part("Course", _course(run), is_open=is_open),
        _part("Figures", table(_figures(run))),
        _part("Data", table(plain_rows(data))) if data else "",
        *(
            _part(f"Settings: {name}", table(plain_rows(section(settings, name))))
            for name in SETTING_SECTIONS
            if section(settings, name)
        ),
        _part("Machine and versions", table(plain_rows(machine))) if machine else "",
    ]
    return "".join(parts)


def details_of_two(first: Run, second: Run) -> str:
    """The differences between two runs, and the collapsible details of each."""
    columns = [_settings(run) | _data(run) for run in (first, second)]
    names = [name for name in {**columns[0], **columns[1]} if columns[0].get(name) != columns[1].get(name)]
    rows = "".join(
        f"<tr><th scope='row'>{escaped(name.replace('_', ' '))}</th>"
        f"{''.join(f'<td>{_cell(column.get(name))}</td>' for column in columns)}</tr>"
        for name in names
    )
    heads = "".join(f"<th scope='col'>{escaped(run.title)}</th>" for run in (first, second))
    differences = (
        f"<table class='facts run-differences'><thead><tr><td></td>{heads}</tr></thead><tbody>{rows}</tbody></table>"
        if names
        else note("Data and settings are the same.")
    )
    each = "".join(
        f"<h3 class='run-name'>{escaped(run.title)}</h3>{details(run, is_open=False)}" for run in (first, second)
    )
    return f"<h3 class='run-name'>What differs</h3>{differences}{each}"


def _cell(value: Any) -> str:
    if isinstance(value, list):
        value = " × ".join(map(str, value))
    return escaped("–" if value is None else shorten(value, MAX_CELL_LENGTH))


def _settings(run: Run) -> dict[str, Any]:
    settings = section(run.record, "settings")
    found = {"preset": settings.get("preset")}
    for name in SETTING_SECTIONS:
        found |= {key: value for key, value in section(settings, name).items() if not isinstance(value, dict)}
    return found


def _data(run: Run) -> dict[str, Any]:
    dataset = dict(section(run.record, "dataset"))
    dataset.pop("report", None)  # it is part of the history
    names = {kind: dataset.pop(name, None) for kind, name in (("labels", "label_names"), ("classes", "class_names"))}
    return dataset | {kind: len(found) for kind, found in names.items() if isinstance(found, list) and found}


def _machine(run: Run) -> dict[str, Any]:
    machine = section(run.record, "hardware") | section(run.record, "versions")
    gpus = machine.pop("gpus", None)
    return machine | ({"gpus": ", ".join(map(str, gpus)) or "none"} if isinstance(gpus, list) else {})


def _course(run: Run) -> str:
    notes = "".join(
        f"<li class='{note['kind']}'><span class='when'>{escaped(note['when'])}</span>"
        f"<span>{escaped(note['words'])}</span></li>"
        for note in course_of(run)
    )
    return f"<ol class='course'>{notes}</ol>"


def _figures(run: Run) -> Iterable[tuple[str, Any]]:
    progress, speed = progress_of(run), speed_of(run)
    yield from plain_rows({name: value for name, value in progress.items() if name != "seconds"})
    if "seconds" in progress:
        yield "training time", rough_duration(progress["seconds"])
    if speed is not None:
        yield "images per second", speed
    newest = run.metrics.rows[-1] if run.metrics.rows else {}
    told = {*progress, "images_per_second"}
    yield from plain_rows({name: value for name, value in newest.items() if name not in told})
    parameters = section(run.record, "parameters")
    yield from ((f"parameters of the {text(name, 40)}", value) for name, value in parameters.items())
    yield "sample sheets", len(run.steps)


def _part(title: str, content: str, is_open: bool = False) -> str:
    return (
        f"<details class='run-part'{' open' if is_open else ''}><summary>{escaped(title)}</summary>{content}</details>"
    )
