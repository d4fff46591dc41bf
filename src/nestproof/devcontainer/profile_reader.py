"""Read each profile of a command once, for all steps and targets."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from nestproof.devcontainer.discovery import discover, select
from nestproof.devcontainer.loading import read_profile, require_profile
from nestproof.devcontainer.profile import LoadResult, Profile

_NONE: Mapping[str, str] = {}


class ProfileReader:
    """Reads the profiles of a workspace; `environment` is what `${localEnv:…}` sees.

    `files` are the profiles, if not all of the workspace; `contents` are read in place of a file's own.
    """

    def __init__(
        self,
        workspace: Path,
        environment: Mapping[str, str],
        files: Mapping[str, Path] | None = None,
        contents: Mapping[str, bytes] | None = None,
    ) -> None:
        self.workspace = workspace
        self.environment = environment
        self._given = files
        self._contents = contents or {}
        self._read: dict[tuple[object, ...], LoadResult] = {}
        # Targets ask from threads of their own.
        self._lock = threading.Lock()

    @cached_property
    def files(self) -> Mapping[str, Path]:
        """Profile to file, all of the workspace."""
        return discover(self.workspace) if self._given is None else self._given

    @property
    def results(self) -> tuple[LoadResult, ...]:
        """All that was read so far."""
        with self._lock:
            return tuple(self._read.values())

    def names(self, wanted: Sequence[str] = ()) -> tuple[str, ...]:
        """The wanted profiles, or all; raises UsageError for one that is not there, or when there is none."""
        return tuple(select(self.files, list(wanted)))

    def shown(self, name: str) -> str:
        """The file of a profile, relative to the workspace."""
        return str(self.files[name].relative_to(self.workspace))

    def read(self, name: str, variables: Mapping[str, str] = _NONE, *, strict: bool = False) -> LoadResult:
        """Read a profile as far as it can be; `variables` are added to the environment.

        Raises ProfileError for a file that cannot be read at all.
        """
        with self._lock:
            plain = self._once((name, strict), name, _NONE, strict=strict)
            added = {key: value for key, value in variables.items() if self.environment.get(key) != value}
            profile = plain.profile
            # What no variable of the file can see changes nothing in it.
            unseen = profile is not None and profile.service is None
            if profile and unseen and not any(key in plain.document.text for key in added):
                environment = {**self.environment, **added}
                own = replace(profile.variables, environment=environment)
                return replace(plain, profile=replace(profile, variables=own))
            return self._once((name, strict, *sorted(added.items())), name, added, strict=strict)

    def load(self, name: str, variables: Mapping[str, str] = _NONE) -> Profile:
        """The profile, as `read` has it; raises ProfileError with all of its errors."""
        return require_profile(self.read(name, variables))

    def forget(self, name: str) -> None:
        """Read the profile anew when it is asked for next."""
        with self._lock:
            self._read = {key: result for key, result in self._read.items() if key[0] != name}

    def _once(
        self, key: tuple[object, ...], name: str, added: Mapping[str, str], *, strict: bool
    ) -> LoadResult:
        if key not in self._read:
            environment = {**self.environment, **added}
            self._read[key] = read_profile(
                name,
                self.files[name],
                self.workspace,
                environment,
                strict=strict,
                content=self._contents.get(name),
            )
        return self._read[key]
