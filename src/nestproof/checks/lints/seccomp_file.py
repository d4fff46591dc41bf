"""A seccomp profile, as far as the lints look into it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nestproof.devcontainer.jsonc import Document

# libseccomp, seccomp_rule_add(3): the call is made, whether or not it is noted as well.
ALLOWING = frozenset({"SCMP_ACT_ALLOW", "SCMP_ACT_LOG"})


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)


class _Filter(_Part):
    caps: list[str] | None = None


class _Syscall(_Part):
    """A rule's system calls and conditions; a single name is the older way to write it."""

    action: str
    names: list[str] | None = None
    name: str | None = None
    args: list[Any] | None = None
    includes: _Filter | None = None


class SeccompProfile(_Part):
    """moby, profiles/seccomp/seccomp.go: the parts that say what is allowed."""

    default_action: str = Field(alias="defaultAction")
    syscalls: list[_Syscall] | None = None

    @property
    def allowed_to_all(self) -> frozenset[str]:
        """The system calls that are allowed whatever their arguments and the caller's capabilities are."""
        return frozenset(
            name
            for rule in self.syscalls or ()
            if rule.action in ALLOWING and not rule.args and not (rule.includes and rule.includes.caps)
            for name in (*(rule.names or ()), rule.name or "")
        )


def read_seccomp(document: Document) -> SeccompProfile | str:
    """Read the profile of a document, or the place of the fault that makes it none."""
    if document.root is None or not document.ok:
        return "its JSON"
    try:
        return SeccompProfile.model_validate(document.root.to_python())
    except ValidationError as error:
        return ".".join(map(str, error.errors()[0]["loc"])) or "its JSON"
