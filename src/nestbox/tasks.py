"""The Invoke tasks: `from nestbox.tasks import ns` in a repository's own tasks.py makes them its own."""

from __future__ import annotations

from invoke.collection import Collection
from invoke.context import Context
from invoke.tasks import task

_PROFILE = "profile to prove; may be given more than once (default: all)"
_PLATFORM = "linux/amd64 or linux/arm64; may be given more than once (default: the engine's own)"
_JSON = "print the evidence as JSON on stdout; progress goes to stderr"
_ALLOW = "exit 0 although something is unverified; the last line says how much"
_HELP = {"profile": _PROFILE, "platform": _PLATFORM, "json": _JSON, "allow-unverified": _ALLOW}
_FILES_HELP = {"profile": _PROFILE, "json": _JSON, "allow-unverified": _ALLOW}


@task(iterable=["profile", "platform"], help=_HELP)
def validate(
    _: Context, profile: list[str], platform: list[str], json: bool = False, allow_unverified: bool = False
) -> None:
    """The whole proof for this machine: files, builds, smoke runs."""
    from nestbox.door import prove

    prove(("check.json", "check.diff", "build", "smoke"), profile, platform, json, allow_unverified)


@task(name="json", iterable=["profile"], help=_FILES_HELP)
def check_json(_: Context, profile: list[str], json: bool = False, allow_unverified: bool = False) -> None:
    """Are the devcontainer files JSON once their comments are stripped?"""
    from nestbox.door import prove

    prove(("check.json",), profile, (), json, allow_unverified)


@task(name="diff", help={"json": _JSON, "allow-unverified": _ALLOW})
def check_diff(_: Context, json: bool = False, allow_unverified: bool = False) -> None:
    """Does git diff --check object to anything, staged or not?"""
    from nestbox.door import prove

    prove(("check.diff",), (), (), json, allow_unverified)


@task(iterable=["profile", "platform"], help=_HELP)
def build(
    _: Context, profile: list[str], platform: list[str], json: bool = False, allow_unverified: bool = False
) -> None:
    """Build the profiles' images with docker buildx."""
    from nestbox.door import prove

    prove(("build",), profile, platform, json, allow_unverified)


@task(iterable=["profile", "platform"], help=_HELP)
def smoke(
    _: Context, profile: list[str], platform: list[str], json: bool = False, allow_unverified: bool = False
) -> None:
    """Ask every probe in a container of each profile, built first if need be."""
    from nestbox.door import prove

    prove(("build", "smoke"), profile, platform, json, allow_unverified)


@task(
    help={
        "profile": "profile to open (default: default)",
        "platform": "its platform (default: the engine's own)",
    }
)
def shell(_: Context, profile: str = "default", platform: str = "") -> None:
    """An interactive terminal in a container of a profile; it is gone when you leave."""
    from nestbox.door import open_shell

    open_shell(profile, platform)


ns = Collection(validate, build, smoke, shell)
ns.add_collection(Collection("check", check_json, check_diff))
