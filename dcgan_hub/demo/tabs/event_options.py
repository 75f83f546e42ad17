"""Options of events, grouped by the resource they share: concurrency limits and progress display."""

from typing import Any

Updates = dict[Any, Any]  # return value of a handler: new values and properties by component
# Inputs are validated by our own functions, see `demo/validation.py`: Gradio's checks are less specific, and log a
# traceback for every invalid value.
AS_SENT: dict[str, Any] = {"preprocess": False}
QUIET = {"api_visibility": "private"} | AS_SENT  # of the page's own events, which are not part of the API
# More than there are cores, so that waiting requests can be batched, see `batching`.
DRAWING: dict[str, Any] = {"concurrency_id": "generator", "concurrency_limit": 12}
FILMING: dict[str, Any] = {"concurrency_id": "film", "concurrency_limit": 2}
ASKING: dict[str, Any] = {"concurrency_id": "hub", "concurrency_limit": 2}
READING: dict[str, Any] = {"concurrency_id": "runs", "concurrency_limit": 6}  # of runs, which may be on the Hub
LOADING: dict[str, Any] = {"concurrency_id": "loading", "concurrency_limit": 4}
# Run in the browser: a new value for a field whose change is an event.
ANOTHER_REQUEST = "() => String(Math.random())"
HIDDEN: dict[str, Any] = {"show_progress": "hidden"}
PATIENT: dict[str, Any] = {"show_progress": "minimal"}  # page.css shows it after half a second
SILENT = QUIET | HIDDEN
DRAWN = QUIET | DRAWING | PATIENT
FILMED = QUIET | FILMING | PATIENT
