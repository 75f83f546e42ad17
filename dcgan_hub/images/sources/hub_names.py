"""Names of datasets on the Hugging Face Hub, also in the form of addresses pasted from a browser."""

import re
from dataclasses import dataclass
from urllib.parse import unquote

SCHEME = "hf://"
_REPOSITORY = r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*"
_REVISION = r"(?>refs/\w+/[\w.-]+|[\w.-]+)"  # of an address, where a slash is the end of any other
_NAME = re.compile(rf"({_REPOSITORY})(?:@([\w./-]+))?(?::([^:/\\]*))?(?::(\w[^/\\]*))?")
_INSIDE = re.compile(rf"({_REPOSITORY})(?:@{_REVISION})?/(.+)")
_PAGE = re.compile(r"(?:https?://)?(?:www\.)?(?:huggingface\.co|hf\.co|hf-mirror\.com)(?:/([^?#]*).*)?")
FORM = "user/name, user/name:subset or user/name:subset:split"


@dataclass(frozen=True)
class HubName:
    """A dataset on the Hub, or a subset or split of it."""

    repo_id: str  # user/name
    revision: str | None = None  # None: the newest
    subset: str | None = None  # None: the default subset
    split: str | None = None  # or train+test, train[:1000]; None: train, or else the first

    def __str__(self) -> str:
        revision = f"@{self.revision}" if self.revision else ""
        split = f":{self.split}" if self.split else ""
        return f"{self.repo_id}{revision}" + (f":{self.subset or ''}{split}" if self.subset or split else "")


def parse_hub_name(text: str) -> HubName | None:
    """Reads `[hf://datasets/]user/name[@revision][:subset[:split]]`, or the address of a dataset's page.

    Returns None for anything else, also for the address of a file inside a dataset.
    """
    if page := _PAGE.fullmatch(text.strip()):
        return _read_page(page[1] or "")
    if text.startswith(SCHEME) and not text.startswith(f"{SCHEME}datasets/"):
        return None
    name = text.removeprefix(SCHEME).removeprefix("datasets/") if text.count("/") > 1 else text
    match = _NAME.fullmatch(name)
    if match is None or (text.startswith(SCHEME) and _INSIDE.fullmatch(name)):
        return None
    return HubName(match[1], *(part or None for part in match.groups()[1:]))


def _read_page(path: str) -> HubName | None:
    """Reads the part of an address behind the host, as in `datasets/anna/faces/viewer/cropped/train`."""
    kind, *words = [unquote(word) for word in path.split("/") if word] or [""]
    if kind != "datasets" or not re.fullmatch(_REPOSITORY, "/".join(words[:2])):
        return None
    view, rest = words[2:3], words[3:]
    name = HubName("/".join(words[:2]).removesuffix(".git"))
    if view == ["viewer"]:
        name = HubName(name.repo_id, None, *rest[:2])
    elif view and view[0] in ("tree", "blob", "resolve", "raw"):
        if len(rest) > 1:
            return None
        name = HubName(name.repo_id, *(revision for revision in rest if revision != "main"))
    return parse_hub_name(str(name))  # parts of an address may still be invalid as a name


def without_page(text: str) -> str:
    """Replaces the address of a dataset's page by its name; any other text stays as it is."""
    name = parse_hub_name(text) if _PAGE.fullmatch(text.strip()) else None
    return f"{SCHEME}datasets/{name}" if name else text


def advice_on_address(text: str) -> str:
    """What to do about an address that is not a dataset on the Hub; '' if it is not an address."""
    page = _PAGE.fullmatch(text.strip())
    if page or text.startswith(SCHEME):
        path = unquote(page[1] or "") if page else text.removeprefix(SCHEME)
        if not path.startswith("datasets/"):
            return f"The address of a dataset has `datasets/` before its name. Give it as {FORM}."
        path = re.sub(rf"/(?:tree|blob|resolve|raw)/{_REVISION}/", "/", path.removeprefix("datasets/"), count=1)
        if inside := _INSIDE.fullmatch(path):
            folder, wanted = inside[1].partition("/")[2], inside[2].rstrip("/")
            wanted = wanted if "." in wanted.rpartition("/")[2] else f"{wanted}/*"
            return (
                f"Give the whole dataset as {inside[1]}, or fetch this part of it: `hf download {inside[1]} "
                f"--repo-type dataset --include '{wanted}' --local-dir {folder}`, and give the folder {folder}."
            )
        return f"The name of a dataset on the Hub is {FORM}."
    if re.match(r"\w+://", text):
        return "Only datasets on the Hub are downloaded by address: download it yourself, and give the file or folder."
    return ""
