"""Answers that are errors, with the headers by which the client chooses the exception it raises."""


class Refusal(Exception):
    """An answer of status 4xx.

    Args:
        status: of HTTP.
        message: sentence that the client shows.
        code: value of `X-Error-Code`, which decides over the client's exception.
        **headers: more headers, with `_` for `-`.
    """

    def __init__(self, status: int, message: str, code: str | None = None, **headers: str):
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = {"X-Error-Message": header_text(message)} | {
            name.replace("_", "-"): text for name, text in headers.items()
        }
        if code is not None:
            self.headers["X-Error-Code"] = code


def header_text(message: str) -> str:
    """A message as a header can hold it: no line breaks, no letters beyond ASCII."""
    return message.encode("unicode_escape").decode("ascii").strip()


def unknown_repository(signed_in: bool) -> Refusal:
    """The Hub does not tell a missing repository from one that this visitor may not see."""
    return Refusal(404 if signed_in else 401, "Repository not found", "RepoNotFound")


def unknown_revision(revision: str) -> Refusal:
    return Refusal(404, f"Invalid rev id: {revision}", "RevisionNotFound")


def unknown_entry(commit_oid: str) -> Refusal:
    """The client remembers that a file is missing in this commit."""
    return Refusal(404, "Entry not found", "EntryNotFound", X_Repo_Commit=commit_oid)
