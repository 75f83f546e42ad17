"""From a folder at the client to a commit: the question how to send each file, and the commit itself."""

import base64
import json
from typing import Any

from fastapi import APIRouter, Request

from . import cards
from .access import Body, Readable, Revision, TheVisitor, Visitor, hub_of, page_of
from .hub import LARGE_BYTES, is_large
from .refusals import Refusal
from .repositories import Entry, Repository

README = "README.md"

router = APIRouter(prefix="/api/{kind}/{namespace}/{name}")


def require_commit(visitor: Visitor, repository: Repository, pull_request: bool) -> str:
    """Name of the author. Anybody may propose changes by a pull request, only some may make them.

    Raises:
        Refusal: the visitor may not.
    """
    if pull_request and visitor.token is not None and visitor.token.role != "read":
        return visitor.require_account().name
    return visitor.require_write(repository.id, "write to").name


@router.post("/preupload/{revision}")
def upload_modes(
    request: Request, visitor: TheVisitor, repository: Readable, revision: Revision, wanted: dict[str, Any]
) -> dict[str, Any]:
    """For each file, whether it goes through LFS, and the hash of what the repository has under its path."""
    require_commit(visitor, repository, "create_pr" in request.query_params)
    files = repository.commit(repository.resolve(revision)).files
    rows = []
    for file in wanted["files"]:
        large = is_large(file["path"], base64.b64decode(file["sample"]), file["size"])
        row = {"path": file["path"], "uploadMode": "lfs" if large else "regular", "shouldIgnore": False}
        if file["path"] in files:
            row["oid"] = files[file["path"]].etag
        rows.append(row)
    return {"files": rows}


@router.post("/commit/{revision}")
def commit(
    request: Request, visitor: TheVisitor, repository: Readable, revision: Revision, body: Body
) -> dict[str, Any]:
    """All changes of the lines in the body, or none of them."""
    pull_request = "create_pr" in request.query_params
    author = require_commit(visitor, repository, pull_request)
    try:
        lines = [json.loads(line) for line in body.splitlines() if line.strip()]
    except ValueError as error:
        raise Refusal(400, "Invalid NDJSON") from error
    if not lines or lines[0]["key"] != "header" or not lines[0]["value"].get("summary"):
        raise Refusal(400, "The first line must be a header with a summary")
    header = lines[0]["value"]

    def change(files: dict[str, Entry]) -> None:
        for line in lines[1:]:
            apply(repository, files, line["key"], line["value"])

    text = f"{header['summary']}\n\n{header.get('description', '')}"
    parent = header.get("parentCommit")
    ref, oid = hub_of(request).commit(repository, revision, change, author, text, parent, pull_request)
    answer = {"success": True, "commitOid": oid, "commitUrl": f"{page_of(request, repository)}/commit/{oid}"}
    if pull_request:
        answer["pullRequestUrl"] = f"{page_of(request, repository)}/discussions/{ref.rsplit('/', 1)[-1]}"
    return answer


def apply(repository: Repository, files: dict[str, Entry], key: str, value: dict[str, Any]) -> None:
    """Carries out one line of a commit.

    Args:
        repository: whose blobs are used.
        files: of the new state so far; changed.
        key: what to do.
        value: with what.

    Raises:
        Refusal: this cannot be done.
    """
    path = value["path"]
    if key == "file":
        check_new_path(path, files)
        content = base64.b64decode(value["content"])
        check_content(repository, path, content)
        files[path] = repository.add_blob(content, large=False)
    elif key == "lfsFile":
        check_new_path(path, files)
        entry = repository.uploaded(value["oid"])
        if value.get("size", entry.size) != entry.size:
            raise Refusal(400, f"The size of {path} is not that of the object that was sent")
        files[path] = entry
    elif key == "deletedFile":
        if path not in files:
            raise Refusal(404, "A file with this name doesn't exist", "EntryNotFound")
        del files[path]
    elif key == "deletedFolder":
        inside = [name for name in files if name.startswith(path.rstrip("/") + "/")]
        if not inside:
            raise Refusal(404, "A folder with this name doesn't exist", "EntryNotFound")
        for name in inside:
            del files[name]
    else:
        raise Refusal(400, f"Unknown operation: {key}")


def check_new_path(path: str, files: dict[str, Entry]) -> None:
    """Raises a refusal if git could not have this path beside the others."""
    parts = path.split("/")
    if any(part in ("", ".", "..", ".git") for part in parts) or "\\" in path or not path.isprintable():
        raise Refusal(400, f"Invalid path: {path!r}")
    parents = {"/".join(parts[:depth]) for depth in range(1, len(parts))}
    if parents & files.keys() or any(name.startswith(f"{path}/") for name in files):
        raise Refusal(400, "A file cannot have the name of a folder")


def check_content(repository: Repository, path: str, content: bytes) -> None:
    """Raises a refusal if a file should have gone through LFS, or is a card that the Hub refuses."""
    if len(content) > LARGE_BYTES:
        raise Refusal(413, f"{path} is too large for a regular file")
    if b"\0" in content and is_large(path, content, len(content)):
        raise Refusal(400, f"Your push was rejected because it contains binary files: {path}")
    if path == README:
        errors, _ = cards.examine(content.decode("utf-8", "replace"), repository.type)
        if errors:
            raise Refusal(400, f"Invalid metadata in {README}")
