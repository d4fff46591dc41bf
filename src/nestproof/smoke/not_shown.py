"""Tell what of a profile the asked container lacks: its host, its ports, its neighbours. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nestproof.core.text import plural
from nestproof.devcontainer.profile import Profile
from nestproof.engine.docker_flags import read_flags

_UNITS = {"": 1, "b": 1, "kb": 1 << 10, "mb": 1 << 20, "gb": 1 << 30, "tb": 1 << 40}


def not_shown(profile: Profile, *, cpus: int, memory: int) -> Iterator[str]:
    """A sentence for each thing; `cpus` and `memory`, in bytes, are the engine's, 0 where that is unknown."""
    yield from _of_the_host(profile, cpus, memory)
    flags = list(read_flags(profile.config.run_args))
    asked = profile.config.app_port
    several = [] if asked is None else asked if isinstance(asked, list) else [asked]
    ports = [str(port) for port in several]
    ports += [flag.value for flag in flags if flag.name == "publish" and flag.value]
    if ports or any(flag.name == "publish-all" for flag in flags):
        yield f"no port of the host is published ({', '.join(ports) or '--publish-all'})"
    for name in [flag.value for flag in flags if flag.name == "name" and flag.value][-1:]:
        yield f"the container is not called {name}: one of that name may be at work"
    if profile.service is not None and profile.service.others:
        others = profile.service.others
        verb = "is" if len(others) == 1 else "are"
        yield f"{plural(len(others), 'service')} beside it {verb} not started: {', '.join(others)}"


def _of_the_host(profile: Profile, cpus: int, memory: int) -> Iterator[str]:
    wanted = profile.config.host_requirements
    if wanted.cpus and 0 < cpus < wanted.cpus:
        yield f"hostRequirements asks for {plural(wanted.cpus, 'processor')}, and the engine has {cpus}"
    if wanted.memory and 0 < memory < _bytes(wanted.memory):
        has = memory >> 20
        yield f"hostRequirements asks for {wanted.memory} of memory, and the engine has {has} MiB"
    if wanted.gpu and wanted.gpu != "optional":
        yield "hostRequirements asks for a graphics processor, which the container is not given"


def _bytes(size: str) -> int:
    found = re.fullmatch(r"(\d+)([tgmk]?b?)", size)
    return int(found[1]) * _UNITS[found[2]] if found else 0
