"""The agents that can be driven: how each is started with another model, and what it promises on Linux.

Sources: openai/codex, codex-rs/exec and codex-rs/linux-sandbox; Claude Code's documentation, "Sandboxing" and
"Settings"; the documentation of opencode, "Providers", and of Gemini CLI, "Configuration"; the help texts of
Copilot CLI. Each was tried.
To add one: a line here. Its page is docs/agents/PROGRAM.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from nestproof.agents.model.server import PLACEHOLDER

ADDRESS = "{address}"
"""Stands for the address of the scripted model."""


@dataclass(frozen=True, slots=True)
class Mode:
    """A way to start an agent that changes what it lets a model do."""

    name: str
    flags: tuple[str, ...] = ()
    """The words on a command line by which it is known; the first is used."""
    sandboxed: bool = True
    """False if the mode itself gives the sandbox up."""
    runs_commands: bool = True
    """False if the agent offers a model no tool that runs a command in it."""

    @property
    def arguments(self) -> tuple[str, ...]:
        """The arguments for it."""
        return self.flags[:1]


DEFAULT = Mode("")


@dataclass(frozen=True, slots=True)
class Closing:
    """The closing of a way out: arguments for a second run, and the same in a person's words."""

    arguments: tuple[str, ...]
    cause: str
    fix: str


@dataclass(frozen=True, slots=True)
class DrivenAgent:
    """An agent that can be pointed at another model."""

    program: str
    name: str
    start: tuple[str, ...]
    """Its command line, to which a mode's arguments and a prompt are added."""
    prompt: tuple[str, ...] = ("go",)
    environment: Mapping[str, str] = field(default_factory=dict)
    namespaces: tuple[str, ...] = ()
    """The namespaces of its own that its sandbox promises; empty for one without a sandbox."""
    default: Mode = DEFAULT
    """The mode without any flag."""
    by_settings: bool = False
    """True if its sandbox is off until its settings enable it."""
    modes: tuple[Mode, ...] = ()
    ways: tuple[str, ...] = ()
    """The ways out for which a model may ask; see model/turns.py."""
    open_ways: Mapping[str, str] = field(default_factory=dict)
    """Way to the reason for which its documentation does not promise that it is closed."""
    contacts: tuple[str, ...] = ()
    """The hosts that it asks for during a session, whatever is switched off."""
    closings: Mapping[str, Closing] = field(default_factory=dict)
    """Way to what closes it."""

    def command_line(self, address: str, *arguments: str) -> list[str]:
        """The command line for a session with the model at this address."""
        return [part.replace(ADDRESS, address) for part in (*self.start, *arguments, *self.prompt)]

    def variables(self, address: str) -> dict[str, str]:
        """The environment for it; a proxy of the container is not asked for the loopback address."""
        given = {name: value.replace(ADDRESS, address) for name, value in self.environment.items()}
        return {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", **given}


# Without a key of its own, Codex 0.120.0 sends the server the login that lies in its folder.
_PROVIDER = (
    f'{{ name = "nestproof", base_url = "{ADDRESS}/v1", wire_api = "responses", env_key = "NESTPROOF_KEY" }}'
)
_CODEX_SETTINGS = (
    'model_provider="nestproof"',
    f"model_providers.nestproof={_PROVIDER}",
    # Without these it asks chatgpt.com and github.com, in either release that was tried.
    "check_for_update_on_startup=false",
    "analytics.enabled=false",
    'otel.metrics_exporter="none"',
    "features.apps=false",
    "features.plugins=false",
    "features.remote_plugin=false",
)
_INSIDE_ONLY = {"sandbox": {"allowUnsandboxedCommands": False}}
_OPENCODE = {
    "provider": {
        "nestproof": {
            "npm": "@ai-sdk/openai-compatible",
            "options": {"baseURL": f"{ADDRESS}/v1", "apiKey": PLACEHOLDER},
            "models": {"scripted": {}},
        }
    },
    "autoupdate": False,
    "share": "disabled",
}

DRIVEN_AGENTS = (
    DrivenAgent(
        "codex",
        "Codex",
        (
            *("codex", "exec", "--skip-git-repo-check", "--json"),
            *(part for setting in _CODEX_SETTINGS for part in ("-c", setting)),
        ),
        environment={"NESTPROOF_KEY": PLACEHOLDER},
        namespaces=("mnt", "pid", "net"),
        modes=(
            Mode("full-auto", ("--full-auto",)),
            Mode("yolo", ("--dangerously-bypass-approvals-and-sandbox", "--yolo"), sandboxed=False),
        ),
        ways=("escalate", "elsewhere", "login", "file"),
    ),
    DrivenAgent(
        "claude",
        "Claude Code",
        ("claude", "-p", "--output-format", "stream-json", "--verbose"),
        environment={
            "ANTHROPIC_BASE_URL": ADDRESS,
            "ANTHROPIC_API_KEY": PLACEHOLDER,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
            "DISABLE_TELEMETRY": "1",
            "DISABLE_ERROR_REPORTING": "1",
        },
        namespaces=("mnt", "pid", "net"),
        by_settings=True,
        modes=(Mode("skip-permissions", ("--dangerously-skip-permissions",)),),
        ways=("escalate", "background", "file"),
        open_ways={"file": "its own file tool is not in the sandbox: rules of permission are for that"},
        closings={
            "escalate": Closing(
                ("--settings", json.dumps(_INSIDE_ONLY)),
                "Claude Code ran the command outside its sandbox because the model asked for it: "
                "allowUnsandboxedCommands is not false",
                '"sandbox": {"allowUnsandboxedCommands": false} in its managed or user settings',
            )
        },
    ),
    DrivenAgent(
        "opencode",
        "opencode",
        ("opencode", "run", "--model", "nestproof/scripted"),
        environment={
            "OPENCODE_CONFIG_CONTENT": json.dumps(_OPENCODE),
            "OPENCODE_DISABLE_AUTOUPDATE": "1",
            "OPENCODE_DISABLE_MODELS_FETCH": "1",
            "OPENCODE_DISABLE_DEFAULT_PLUGINS": "1",
            "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
            # It looks for an extension of its own at the package registry.
            "npm_config_offline": "true",
        },
        ways=("elsewhere",),
    ),
    DrivenAgent(
        "copilot",
        "Copilot CLI",
        ("copilot", "--silent"),
        ("--prompt", "go"),
        environment={
            "COPILOT_PROVIDER_BASE_URL": f"{ADDRESS}/v1",
            "COPILOT_PROVIDER_API_KEY": PLACEHOLDER,
            "COPILOT_MODEL": "scripted",
            "COPILOT_OFFLINE": "true",
            "COPILOT_AUTO_UPDATE": "false",
        },
        modes=(
            Mode("yolo", ("--yolo", "--allow-all")),
            Mode("allow-all-tools", ("--allow-all-tools",)),
        ),
        ways=("background",),
    ),
    DrivenAgent(
        "gemini",
        "Gemini CLI",
        ("gemini", "--skip-trust"),
        ("--prompt", "go"),
        environment={
            # With GOOGLE_GEMINI_BASE_URL, it takes no key unless a settings file says so.
            "GOOGLE_GENAI_USE_VERTEXAI": "true",
            "GOOGLE_VERTEX_BASE_URL": ADDRESS,
            "GOOGLE_API_KEY": PLACEHOLDER,
            "GEMINI_TELEMETRY_ENABLED": "false",
        },
        # Without a person who could be asked, it leaves the tool out.
        default=Mode("", runs_commands=False),
        # Its statistics of usage are switched off by a settings file alone.
        contacts=("play.googleapis.com",),
        modes=(Mode("yolo", ("--yolo",)),),
    ),
)
