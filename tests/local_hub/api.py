"""JSON: accounts, repositories, and what is in them."""

from typing import Any
from urllib.parse import parse_qs, unquote, urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from . import cards
from .access import (
    KINDS,
    NAMES,
    Body,
    Readable,
    Revision,
    TheVisitor,
    Writable,
    endpoint_of,
    find,
    hub_of,
    page_of,
)
from .hub import GIT_ATTRIBUTES, PAGE_SIZE
from .refusals import Refusal, unknown_entry
from .repositories import HEADS, PULLS, TAGS, Entry, Repository

PAID_SDKS = ("gradio", "docker")
ZERO_GPU = "zero-a10g"
REPOSITORY = "/{kind}/{namespace}/{name}"

router = APIRouter(prefix="/api")


@router.get("/agent-harnesses")
def agent_harnesses() -> dict[str, Any]:
    """What a client with telemetry asks first."""
    return {"standardEnvVars": [], "harnesses": {}}


@router.get("/whoami-v2")
def whoami(visitor: TheVisitor) -> dict[str, Any]:
    account, token = visitor.require_account(), visitor.token
    assert token is not None
    access: dict[str, Any] = {"displayName": "a token", "role": token.role}
    if token.role == "fineGrained":
        scoped = [
            {
                "entity": {"type": "model" if "/" in name else "user", "name": name},
                "permissions": ["repo.content.read", "repo.write"],
            }
            for name in token.writable
        ]
        access["fineGrained"] = {"canReadGatedRepos": False, "global": [], "scoped": scoped}
    return {
        "type": "user",
        "name": account.name,
        "fullname": account.name,
        "isPro": account.pro,
        "orgs": [{"type": "org", "name": name, "roleInOrg": "write"} for name in account.organisations],
        "auth": {"type": "access_token", "accessToken": access},
    }


@router.post("/validate-yaml")
def validate_yaml(card: dict[str, str]) -> JSONResponse:
    errors, warnings = cards.examine(card["content"], card["repoType"])
    content = {
        "errors": [{"message": message} for message in errors],
        "warnings": [{"message": message} for message in warnings],
    }
    return JSONResponse(content, 400 if errors else 200)


@router.post("/repos/create")
def create_repository(request: Request, visitor: TheVisitor, wanted: dict[str, Any]) -> JSONResponse:
    hub = hub_of(request)
    repo_type = wanted.get("type") or "model"
    repo_id = f"{wanted.get('organization') or visitor.require_account().name}/{wanted['name']}"
    if not all(NAMES.fullmatch(part) for part in repo_id.split("/")) or ".." in repo_id:
        raise Refusal(400, f"Invalid repository name: {repo_id}")
    account = visitor.require_write(repo_id, f"create a {repo_type} under the name")
    repository = hub.repository(repo_id, repo_type)
    url = page_of(request, repository)
    if repository.exists:
        message = f"You already created this {repo_type} repo"
        return JSONResponse({"error": message, "url": url}, 409, {"X-Error-Message": message})
    if wanted.get("sdk") in PAID_SDKS and not account.pro and wanted.get("hardware") != ZERO_GPU:
        raise Refusal(402, "Creating Gradio or Docker Spaces on CPU needs a PRO subscription; ZeroGPU is free")
    private = wanted.get("visibility") == "private"
    hub.create(repository, private=private, sdk=wanted.get("sdk"), hardware=wanted.get("hardware"))

    def start(files: dict[str, Entry]) -> None:
        files[".gitattributes"] = repository.add_blob(GIT_ATTRIBUTES, large=False)

    hub.commit(repository, "main", start, account.name, "initial commit")
    return JSONResponse({"url": url, "name": repo_id})


@router.delete("/repos/delete")
def delete_repository(request: Request, visitor: TheVisitor, wanted: dict[str, Any]) -> Response:
    namespace = wanted.get("organization") or visitor.require_account().name
    repository = find(request, visitor, f"{wanted.get('type') or 'model'}s", namespace, wanted["name"])
    visitor.require_write(repository.id, "delete")
    hub_of(request).delete(repository)
    return Response()


@router.put(f"{REPOSITORY}/settings")
def change_settings(request: Request, repository: Writable, wanted: dict[str, Any]) -> dict[str, Any]:
    changes: dict[str, Any] = {key: wanted[key] for key in ("gated",) if key in wanted}
    if "visibility" in wanted:
        changes["private"] = wanted["visibility"] == "private"
    with hub_of(request).changing():
        repository.write_settings(repository.settings | changes)
    return changes


@router.get(f"{REPOSITORY}/auth-check")
def check_access(visitor: TheVisitor, repository: Readable) -> Response:
    visitor.require_files(repository)
    return Response()


@router.get(f"{REPOSITORY}/auth-check/write")
def check_write_access(repository: Writable) -> Response:
    return Response()


@router.get("/{kind}")
def repositories(request: Request, visitor: TheVisitor, kind: str) -> JSONResponse:
    """Those that the visitor may see, by `author`, by a part of the name (`search`) and by tags (`filter`)."""
    if kind not in KINDS:
        raise Refusal(404, "Not found")
    asked = request.query_params
    found = []
    for repository in hub_of(request).repositories(KINDS[kind]):
        if repository.settings["private"] and not visitor.owns(repository.id):
            continue
        if asked.get("author", repository.id.split("/")[0]) != repository.id.split("/")[0]:
            continue
        if asked.get("search", "").lower() not in repository.id.lower() or "refs/heads/main" not in repository.refs:
            continue
        row = described(repository, repository.resolve("main"))
        if set(asked.getlist("filter")) <= set(row["tags"]):
            found.append({key: value for key, value in row.items() if key not in ("siblings", "cardData")})
    return page(request, found)


@router.get(REPOSITORY)
def description(request: Request, repository: Readable) -> dict[str, Any]:
    return described(repository, repository.resolve("main"), "blobs" in request.query_params)


@router.get(f"{REPOSITORY}/revision/{{revision}}")
def description_of_revision(request: Request, repository: Readable, revision: Revision) -> dict[str, Any]:
    return described(repository, repository.resolve(revision), "blobs" in request.query_params)


def described(repository: Repository, commit_oid: str, sizes: bool = False) -> dict[str, Any]:
    """What `model_info` gives.

    Args:
        repository: that exists.
        commit_oid: whose files are listed.
        sizes: also give size and hash of each file.
    """
    commit, settings = repository.commit(commit_oid), repository.settings
    siblings: list[dict[str, Any]] = []
    for path, entry in sorted(commit.files.items()):
        siblings.append({"rfilename": path})
        if sizes:
            siblings[-1] |= {"size": entry.size, "blobId": entry.git_oid}
        if sizes and entry.large:
            lfs = {"sha256": entry.sha256, "size": entry.size, "pointerSize": len(entry.pointer)}
            siblings[-1]["lfs"] = lfs
    card = commit.files.get("README.md")
    text = repository.blob(card.sha256).read_text("utf-8", "replace") if card else ""
    return {
        "_id": commit_oid[:24],
        "id": repository.id,
        "author": repository.id.split("/")[0],
        "sha": commit_oid,
        "lastModified": commit.date,
        "createdAt": settings["created"],
        "private": settings["private"],
        "gated": settings["gated"],
        "disabled": False,
        "downloads": 0,
        "likes": 0,
        "tags": [],
        **({"modelId": repository.id} if repository.type == "model" else {}),
        **({"sdk": settings["sdk"]} if repository.type == "space" else {}),
        **cards.shown(text),
        "siblings": siblings,
    }


@router.get(f"{REPOSITORY}/tree/{{revision}}")
def tree(request: Request, repository: Readable, revision: Revision) -> JSONResponse:
    return tree_of_folder(request, repository, revision, "")


@router.get(f"{REPOSITORY}/tree/{{revision}}/{{path:path}}")
def tree_of_folder(request: Request, repository: Readable, revision: Revision, path: str) -> JSONResponse:
    """Files and folders in a folder, and with `recursive` also below it."""
    commit_oid = repository.resolve(revision)
    files = repository.commit(commit_oid).files
    inside = f"{unquote(path).strip('/')}/" if path else ""
    below = {name: entry for name, entry in files.items() if name.startswith(inside)}
    if inside and not below:
        raise unknown_entry(commit_oid)
    rows = {name: tree_row(name, entry) for name, entry in below.items()}
    for name in below:
        parts = name.split("/")
        for folder in ("/".join(parts[:depth]) for depth in range(1, len(parts))):
            if folder.startswith(inside):
                rows.setdefault(folder, {"type": "directory", "oid": commit_oid, "size": 0, "path": folder})
    if request.query_params.get("recursive", "false").lower() != "true":
        rows = {name: row for name, row in rows.items() if "/" not in name[len(inside) :]}
    return page(request, [rows[name] for name in sorted(rows)])


def tree_row(path: str, entry: Entry) -> dict[str, Any]:
    row = {"type": "file", "oid": entry.git_oid, "size": entry.size, "path": path}
    if entry.large:
        row["lfs"] = {"oid": entry.sha256, "size": entry.size, "pointerSize": len(entry.pointer)}
    return row


@router.post(f"{REPOSITORY}/paths-info/{{revision}}")
def paths_info(repository: Readable, revision: Revision, body: Body) -> list[dict[str, Any]]:
    """Rows of a tree for the paths of a form; those that do not exist are left out."""
    commit_oid = repository.resolve(revision)
    files = repository.commit(commit_oid).files
    rows = []
    for path in parse_qs(body.decode()).get("paths", []):
        if path in files:
            rows.append(tree_row(path, files[path]))
        elif any(name.startswith(f"{path}/") for name in files):
            rows.append({"type": "directory", "oid": commit_oid, "size": 0, "path": path})
    return rows


@router.get(f"{REPOSITORY}/commits/{{revision}}")
def commits(request: Request, repository: Readable, revision: Revision) -> JSONResponse:
    rows = [
        {
            "id": commit.oid,
            "title": commit.title,
            "message": commit.message,
            "authors": [{"user": commit.author}],
            "date": commit.date,
        }
        for commit in repository.history(repository.resolve(revision))
    ]
    return page(request, rows)


def page(request: Request, rows: list[Any]) -> JSONResponse:
    """A part of the rows, and the address of the next part in the header `Link`."""
    query = dict(request.query_params)
    start = int(query.pop("cursor", "0"))
    headers = {}
    if start + PAGE_SIZE < len(rows):
        query["cursor"] = str(start + PAGE_SIZE)
        headers["Link"] = f'<{endpoint_of(request)}{request.scope["path"]}?{urlencode(query)}>; rel="next"'
    return JSONResponse(rows[start : start + PAGE_SIZE], headers=headers)


@router.get(f"{REPOSITORY}/refs")
def refs(request: Request, repository: Readable) -> dict[str, Any]:
    def rows(prefix: str) -> list[dict[str, str]]:
        return [
            {"name": ref.removeprefix(prefix), "ref": ref, "targetCommit": oid}
            for ref, oid in sorted(repository.refs.items())
            if ref.startswith(prefix)
        ]

    found: dict[str, Any] = {"branches": rows(HEADS), "converts": [], "tags": rows(TAGS)}
    return found | ({"pullRequests": rows(PULLS)} if "include_prs" in request.query_params else {})


@router.post(f"{REPOSITORY}/tag/{{revision}}")
def create_tag(request: Request, repository: Writable, revision: Revision, wanted: dict[str, str]) -> Response:
    return add_ref(request, repository, TAGS + wanted["tag"], revision)


@router.post(f"{REPOSITORY}/branch/{{revision}}")
def create_branch(request: Request, repository: Writable, revision: Revision, wanted: dict[str, str]) -> Response:
    return add_ref(request, repository, HEADS + revision, wanted.get("startingPoint", "main"))


def add_ref(request: Request, repository: Repository, ref: str, revision: str) -> Response:
    """A new name for what `revision` means."""
    with hub_of(request).changing():
        if ref in repository.refs:
            raise Refusal(409, f"Reference already exists: {ref}")
        repository.write_refs({**repository.refs, ref: repository.resolve(revision)})
    return Response()


@router.delete(f"{REPOSITORY}/tag/{{revision}}")
def delete_tag(request: Request, repository: Writable, revision: Revision) -> Response:
    return remove_ref(request, repository, TAGS + revision)


@router.delete(f"{REPOSITORY}/branch/{{revision}}")
def delete_branch(request: Request, repository: Writable, revision: Revision) -> Response:
    if revision == "main":
        raise Refusal(400, "The branch main cannot be deleted")
    return remove_ref(request, repository, HEADS + revision)


def remove_ref(request: Request, repository: Repository, ref: str) -> Response:
    with hub_of(request).changing():
        repository.resolve(ref)
        repository.write_refs({name: oid for name, oid in repository.refs.items() if name != ref})
    return Response()


@router.post(f"{REPOSITORY}/super-squash/{{revision}}")
def squash(
    request: Request, visitor: TheVisitor, repository: Writable, revision: Revision, wanted: dict[str, str]
) -> Response:
    """Makes a branch one single commit; the earlier ones can still be reached by their hash."""
    ref = HEADS + revision
    with hub_of(request).changing():
        files = repository.commit(repository.resolve(ref)).files
        repository.add_commit(ref, None, files, visitor.require_account().name, wanted["message"])
    return Response()
