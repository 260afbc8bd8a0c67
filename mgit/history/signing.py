"""SSH signatures over commits and tags, as Git makes and checks them (docs/format/history.md, 9).

`ssh-keygen` does the cryptography, in the namespace 'git', so `git verify-commit` accepts what is
signed here and the other way round. Keys stay where they are; mgit sees paths only.
"""

import os
import subprocess
import tempfile
from dataclasses import dataclass
from typing import Literal

from mgit.errors import InvalidInput, NotFound, Refused
from mgit.history.commits import CommitRecord, without_signature

__all__ = ["AllowedSigners", "Signer", "Verdict", "Verification", "verify_commit"]

NAMESPACE = "git"
ARMOUR_BEGIN = "-----BEGIN SSH SIGNATURE-----"
TIME_LIMIT_S = 60  # an agent may ask its user to touch a hardware key

Verdict = Literal["good", "unknown-signer", "bad", "unsigned"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What a signature is worth.

    verdict: 'good' (a signer of the list signed these bytes), 'unknown-signer' (the signature
    fits the bytes, the key is not in the list), 'bad', 'unsigned'.
    principal: the signer's name in the list, '' unless good. detail: what ssh-keygen said.
    """

    verdict: Verdict
    principal: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Signs with an SSH key.

    key_path: a private key, or a public key whose private half an agent holds.
    """

    key_path: str

    def sign(self, payload: bytes) -> str:
        """Armoured signature over `payload`.

        Raises NotFound without the key or ssh-keygen, and Refused if the key cannot sign.
        """
        if not os.path.exists(self.key_path):
            raise NotFound(
                f"the signing key '{self.key_path}' does not exist",
                hint="'mgit config user.signingkey PATH' names an SSH key",
            )
        result = _ssh_keygen(["-Y", "sign", "-n", NAMESPACE, "-f", self.key_path], payload)
        signature = result.stdout.decode("ascii", "replace")
        if result.returncode != 0 or not signature.startswith(ARMOUR_BEGIN):
            raise Refused(
                f"the key '{self.key_path}' cannot sign: {_said(result)}",
                hint="add a key with a passphrase to ssh-agent first",
            )
        return signature.strip("\n") + "\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedSigners:
    """Who may sign: a file in the ALLOWED SIGNERS format of ssh-keygen(1).

    path: the file, one line per signer: `principal[,...] [options] key-type key`.
    """

    path: str

    def verify(self, payload: bytes, signature: str) -> Verification:
        """What an armoured signature over `payload` is worth. Raises NotFound, InvalidInput."""
        if not os.path.exists(self.path):
            raise NotFound(
                f"the list of allowed signers '{self.path}' does not exist",
                hint="name a file with lines '<address> <key type> <key>', as ssh-keygen reads it",
            )
        if not signature.startswith(ARMOUR_BEGIN):
            return Verification(verdict="bad", detail="it is no SSH signature")
        with tempfile.NamedTemporaryFile(prefix="mgit-", suffix=".sig") as file:
            file.write(signature.encode("ascii", "replace"))
            file.flush()
            return self._verify_file(payload, file.name)

    def _verify_file(self, payload: bytes, signature_path: str) -> Verification:
        found = _ssh_keygen(["-Y", "find-principals", "-f", self.path, "-s", signature_path], b"")
        for principal in found.stdout.decode("utf-8", "replace").splitlines():
            if principal.startswith("-"):
                raise InvalidInput(f"'{self.path}' lists a signer '{principal}'")
            options = ["-f", self.path, "-I", principal, "-s", signature_path]
            result = _ssh_keygen(["-Y", "verify", "-n", NAMESPACE, *options], payload)
            if result.returncode == 0:
                return Verification(verdict="good", principal=principal, detail=_said(result))
        check = ["-Y", "check-novalidate", "-n", NAMESPACE, "-s", signature_path]
        result = _ssh_keygen(check, payload)
        fits = result.returncode == 0
        return Verification(verdict="unknown-signer" if fits else "bad", detail=_said(result))


def verify_commit(commit: CommitRecord, allowed: AllowedSigners) -> Verification:
    """What the signature of a commit is worth."""
    if commit.signature is None:
        return Verification(verdict="unsigned")
    return allowed.verify(without_signature(commit.raw), commit.signature)


def _ssh_keygen(arguments: list[str], stdin: bytes) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            ["ssh-keygen", *arguments],
            input=stdin,
            capture_output=True,
            check=False,
            timeout=TIME_LIMIT_S,
        )
    except FileNotFoundError as error:
        raise NotFound(
            "the program 'ssh-keygen' is not installed", hint="install OpenSSH 8.2 or later"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise Refused("'ssh-keygen' did not answer", limit_s=TIME_LIMIT_S) from error


def _said(result: subprocess.CompletedProcess[bytes]) -> str:
    text = (result.stderr + b"\n" + result.stdout).decode("utf-8", "replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[0] if lines else f"ssh-keygen ended with {result.returncode}"
