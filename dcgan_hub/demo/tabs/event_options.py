"""Groups of events: how many may be under way at once of those that share something scarce, whatever they are."""

from typing import Any

Updates = dict[Any, Any]  # what a handler returns: new values and properties by component
QUIET: dict[str, Any] = {"api_visibility": "private"}  # of the page's own events, which programs have no use for
# More than there are cores: those who wait while others are drawn are then drawn together, see `batching`.
DRAWING: dict[str, Any] = {"concurrency_id": "generator", "concurrency_limit": 12}
FILMING: dict[str, Any] = {"concurrency_id": "film", "concurrency_limit": 2}
ASKING: dict[str, Any] = {"concurrency_id": "hub", "concurrency_limit": 2}
LOADING: dict[str, Any] = {"concurrency_id": "loading", "concurrency_limit": 4}
HIDDEN: dict[str, Any] = {"show_progress": "hidden"}
PATIENT: dict[str, Any] = {"show_progress": "minimal"}  # page.css shows it after half a second
SILENT = QUIET | HIDDEN
DRAWN = QUIET | DRAWING | PATIENT
FILMED = QUIET | FILMING | PATIENT
