"""Accounts, and the tokens by which requests show who sends them."""

import json
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from .disk import write_whole

ROLES = ("read", "write", "fineGrained")


@dataclass(frozen=True)
class Account:
    """Somebody with a name.

    Attributes:
        name: of the user.
        organisations: whose repositories the user may write.
        pro: whether the account pays, without which the Hub creates no Gradio Space on a processor.
    """

    name: str
    organisations: tuple[str, ...] = ()
    pro: bool = True

    @property
    def namespaces(self) -> tuple[str, ...]:
        return (self.name, *self.organisations)


@dataclass(frozen=True)
class Token:
    """What a token may do.

    Attributes:
        account: name of its holder.
        role: one of `ROLES`.
        writable: for the role "fineGrained", the namespaces and repositories ("user/name") it may write.
    """

    account: str
    role: str
    writable: tuple[str, ...] = ()

    def may_write(self, repo_id: str) -> bool:
        """Whether the token's role covers writing to this repository; the account's own right is another question."""
        if self.role == "fineGrained":
            return repo_id in self.writable or repo_id.split("/")[0] in self.writable
        return self.role == "write"


class Accounts:
    """The file of all accounts and tokens.

    Args:
        file: need not exist.
    """

    def __init__(self, file: Path):
        self._file = file

    def add(self, account: Account) -> None:
        content = self._read()
        content["accounts"][account.name] = asdict(account)
        self._write(content)

    def add_token(self, account: str, role: str, writable: Sequence[str]) -> str:
        """Makes a token that looks like those of the Hub."""
        assert role in ROLES
        assert account in self._read()["accounts"], f"there is no account {account}"
        text = "hf_" + secrets.token_hex(17)
        content = self._read()
        content["tokens"][text] = asdict(Token(account, role, tuple(writable)))
        self._write(content)
        return text

    def remove_token(self, text: str) -> None:
        content = self._read()
        del content["tokens"][text]
        self._write(content)

    def account(self, name: str) -> Account:
        row = self._read()["accounts"][name]
        return Account(row["name"], tuple(row["organisations"]), row["pro"])

    def token(self, text: str) -> Token | None:
        row = self._read()["tokens"].get(text)
        return Token(row["account"], row["role"], tuple(row["writable"])) if row else None

    def _read(self) -> dict:
        return json.loads(self._file.read_bytes()) if self._file.exists() else {"accounts": {}, "tokens": {}}

    def _write(self, content: dict) -> None:
        write_whole(self._file, json.dumps(content).encode())
