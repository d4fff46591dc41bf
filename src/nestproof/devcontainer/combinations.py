"""Properties of a devcontainer.json that exclude or need each other."""

from __future__ import annotations

from collections.abc import Iterator

from nestproof.core.diagnostics import Diagnostic
from nestproof.devcontainer.jsonc import JsonNode
from nestproof.devcontainer.model_rules import mistake


def combinations(root: JsonNode) -> Iterator[Diagnostic]:
    """Mistakes of properties that exclude or need each other."""
    has = root.members
    sources = [name for name in ("image", "dockerFile", "dockerComposeFile") if name in has]
    dockerfile = root.at("build", "dockerfile")
    if "dockerFile" not in has and dockerfile is not None:
        sources.append("build")
    for name in sources[1:]:
        if sources[0] == "image" and name in ("build", "dockerFile"):
            # devcontainers/cli, src/spec-node/utils.ts, isDockerFileConfig: it is asked first.
            message = f"`image` has no effect beside `{name}`, which clients build; remove one of the two"
            yield mistake("model-ignored-property", message, has["image"].key)
            continue
        message = f"`{sources[0]}` and `{name}` exclude each other: one says where the image comes from"
        yield mistake("model-forbidden-combination", message, has[name].key)
    if "dockerFile" in has and dockerfile is not None:
        message = "`dockerFile` and `build.dockerfile` exclude each other; keep the second"
        yield mistake("model-forbidden-combination", message, has["dockerFile"].key)
    if not sources:
        message = "no `image`, `build.dockerfile` or `dockerComposeFile`: the devcontainer CLI refuses it"
        yield mistake("model-no-source", message, root)
    if "dockerComposeFile" in has:
        yield from _with_compose(root)
    action = root.at("shutdownAction")
    if action is not None and action.value == "stopCompose" and "dockerComposeFile" not in has:
        message = '`shutdownAction` "stopCompose" needs `dockerComposeFile`'
        yield mistake("model-forbidden-combination", message, action)


def _with_compose(root: JsonNode) -> Iterator[Diagnostic]:
    has = root.members
    if "service" not in has:
        message = "`dockerComposeFile` needs `service`: which of its services is the container?"
        yield mistake("model-missing-property", message, has["dockerComposeFile"].key)
    for name in ("runArgs", "appPort", "workspaceMount"):
        if name in has:
            message = f"`{name}` has no effect beside `dockerComposeFile`; say it in the Compose file"
            yield mistake("model-ignored-property", message, has[name].key)
    action = root.at("shutdownAction")
    if action is not None and action.value == "stopContainer":
        message = '`shutdownAction` "stopContainer" is for containers without Compose'
        yield mistake("model-forbidden-combination", message, action)
