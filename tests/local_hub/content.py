"""Bytes: files on their way out by `resolve`, large files on their way in by LFS."""

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import unquote

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from .access import KINDS, URL_PREFIXES, Revision, TheVisitor, endpoint_of, find
from .refusals import Refusal, unknown_entry
from .repositories import Entry, Repository

PIECE = 256 * 1024  # bytes that are held in memory
SHA256 = re.compile(r"[0-9a-f]{64}")

router = APIRouter()


def kind_in_path(request: Request) -> str:
    """Pages of models have no prefix, others have that of their kind."""
    return next(
        (kind for kind, type in KINDS.items() if URL_PREFIXES[type] and request.url.path.startswith(f"/{kind}/")),
        "models",
    )


def repository_in_path(
    request: Request, visitor: TheVisitor, kind: Annotated[str, Depends(kind_in_path)], namespace: str, name: str
) -> Repository:
    return find(request, visitor, kind, namespace, name)


PageRepository = Annotated[Repository, Depends(repository_in_path)]


def resolve(
    request: Request, visitor: TheVisitor, repository: PageRepository, revision: Revision, path: str
) -> Response:
    """HEAD and GET of a file. The client reads the commit, the hash and the size from the headers alone."""
    visitor.require_files(repository)
    commit_oid = repository.resolve(revision)
    entry = repository.commit(commit_oid).files.get(unquote(path))
    if entry is None:
        raise unknown_entry(commit_oid)
    headers = {
        "X-Repo-Commit": commit_oid,
        "ETag": f'"{entry.etag}"',
        "Accept-Ranges": "bytes",
        "Content-Type": "application/octet-stream",
    }
    if entry.large:
        headers |= {"X-Linked-Size": str(entry.size), "X-Linked-Etag": f'"{entry.sha256}"'}
    start, stop = asked_range(request.headers.get("range"), entry.size)
    status = 200
    if "range" in request.headers:
        status = 206
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{entry.size}"
    headers["Content-Length"] = str(stop - start)
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers)
    return StreamingResponse(pieces(repository, entry, start, stop), status, headers)


def asked_range(header: str | None, size: int) -> tuple[int, int]:
    """First byte and the one after the last.

    Args:
        header: `Range`, such as "bytes=100-" or "bytes=0-99".
        size: of the file in bytes.

    Raises:
        Refusal: the range is not in the file.
    """
    if header is None:
        return 0, size
    match = re.fullmatch(r"bytes=(\d+)-(\d*)", header)
    if match is None or int(match[1]) >= size:
        raise Refusal(416, "Range not satisfiable", Content_Range=f"bytes */{size}")
    return int(match[1]), min(size, int(match[2]) + 1) if match[2] else size


def pieces(repository: Repository, entry: Entry, start: int, stop: int) -> Iterator[bytes]:
    """Content of a file from `start` to `stop`; behind its end, of what it only pretends to hold, zeros."""
    with repository.blob(entry.sha256).open("rb") as file:
        file.seek(start)
        while start < stop:
            length = min(PIECE, stop - start)
            yield file.read(length).ljust(length, b"\0")
            start += length


def offer_upload(request: Request, visitor: TheVisitor, repository: PageRepository, batch: dict[str, Any]) -> Response:
    """LFS batch: where to send each large file, and nothing for those that are there."""
    visitor.require_account()
    place = f"{endpoint_of(request)}/_lfs/{repository.type}s/{repository.id}"
    rows = []
    for wanted in batch["objects"]:
        row = {"oid": wanted["oid"], "size": wanted["size"]}
        if not SHA256.fullmatch(wanted["oid"]):
            row["error"] = {"code": 422, "message": "Invalid oid"}
        elif not repository.blob(wanted["oid"]).exists():
            href = f"{place}/{wanted['oid']}"
            row["actions"] = {"upload": {"href": href, "header": {}}, "verify": {"href": f"{href}/verify"}}
        rows.append(row)
    return JSONResponse({"transfer": "basic", "objects": rows}, media_type="application/vnd.git-lfs+json")


for prefix in URL_PREFIXES.values():
    page = f"/{prefix}{{namespace}}/{{name}}"
    router.add_api_route(f"{page}/resolve/{{revision}}/{{path:path}}", resolve, methods=["GET", "HEAD"])
    router.add_api_route(f"{page}.git/info/lfs/objects/batch", offer_upload, methods=["POST"])


@router.put("/_lfs/{kind}/{namespace}/{name}/{oid}")
async def upload(request: Request, kind: str, namespace: str, name: str, oid: str) -> Response:
    """The bytes of a large file. As for the Hub's store, the address is the right to send: no token comes here."""
    repository = request.app.state.hub.repository(f"{namespace}/{name}", KINDS[kind])
    if not SHA256.fullmatch(oid):
        raise Refusal(400, "Invalid oid")
    folder = repository.incoming(oid).parent
    folder.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=".unfinished-")
    try:
        with os.fdopen(handle, "wb") as file:
            async for piece in request.stream():
                file.write(piece)
        Path(temporary).replace(repository.incoming(oid))
    finally:
        Path(temporary).unlink(missing_ok=True)
    return Response()


@router.post("/_lfs/{kind}/{namespace}/{name}/{oid}/verify")
def verify(
    request: Request, visitor: TheVisitor, kind: str, namespace: str, name: str, oid: str, claimed: dict[str, Any]
) -> Response:
    """Takes a file that was sent into the repository, if it is what was announced."""
    visitor.require_account()
    repository = find(request, visitor, kind, namespace, name)
    with request.app.state.hub.changing():
        sent = repository.incoming(oid)
        if not sent.exists():
            if repository.blob(oid).exists():
                return Response()  # asked again: the first answer was lost
            raise Refusal(404, "The object was not sent")
        with sent.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if claimed != {"oid": digest, "size": sent.stat().st_size} or digest != oid:
            sent.unlink()
            raise Refusal(422, "The object that was sent has another hash or size than announced")
        repository.blob(oid).parent.mkdir(exist_ok=True)
        sent.replace(repository.blob(oid))
    return Response()
