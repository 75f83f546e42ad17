"""A small Hugging Face Hub for tests: a real HTTP server on loopback that the real huggingface_hub client speaks to.

It speaks what huggingface_hub 2.4 asks for to create, fill, tag, list and download repositories. It has no Xet, no
multipart uploads, no discussions beside the branch of a pull request, no hardware of Spaces, and ignores .gitignore.

From a request to its answer, and at the same time the order in which the files are worth reading:

    server.py        FastAPI and uvicorn around the rest; `serve`
    faults.py        the log of requests, and misbehaviour on demand: errors, cut or slow lines, damaged bodies
    access.py        which repository, which account, and may it?
    api.py           JSON: accounts, repositories, revisions, trees, refs
    commits.py       how each file shall be sent, and commits
    content.py       bytes: large files on their way in, files on their way out
    cards.py         the front matter of README.md
    hub.py           `LocalHub`: what tests talk to
    accounts.py      accounts and tokens on disk
    repositories.py  repositories on disk: blobs, commits, refs
    refusals.py      answers that are errors
    process.py       `HubProcess`: the same server as a process that can be killed

All state is on disk and every file appears there whole, so a server that was killed and started again has exactly what
was committed.
"""

from .faults import Fault, RequestRecord
from .hub import LocalHub
from .process import HubProcess
from .server import serve

__all__ = ["Fault", "HubProcess", "LocalHub", "RequestRecord", "serve"]
