"""Draw the README's picture of a run, for light and for dark pages: `python docs/picture.py`.

The run is real: `nestproof validate --profile secure` in a terminal of its own. Some of its lines are left
out, and one that is too long is cut; none is changed.
"""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pexpect
from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from nestproof.core.outcome import Status

ROOT = Path(__file__).resolve().parent.parent
COMMAND = "nestproof validate --profile secure"
COLUMNS = 122
SHOWN = (
    "check.json", "check.lock", "build", "smoke.capabilities", "smoke.apparmor", "smoke.bwrap-setuid",
    "smoke.bwrap-userns", "smoke.bwrap-pivot", "smoke.bwrap-netns", "smoke.bwrap-two-masks",
    "smoke.contain-write", "smoke.contain-network", "smoke.codex-sandbox", "smoke.tty",
    "agent.codex.sandbox", "agent.codex.network", "agent.codex.escalate",
)  # fmt: skip

# The colours of GitHub's own pages, in the order of the terminal's: black, red, green, yellow, blue, …
THEMES = {
    "light": TerminalTheme(
        (246, 248, 250),
        (31, 35, 40),
        [(36, 41, 47), (207, 34, 46), (17, 99, 41), (130, 80, 0), (9, 105, 218), (130, 80, 223),
         (27, 124, 131), (110, 119, 129)],
    ),
    "dark": TerminalTheme(
        (22, 27, 34),
        (230, 237, 243),
        [(72, 79, 88), (255, 123, 114), (63, 185, 80), (210, 153, 34), (88, 166, 255), (188, 140, 255),
         (57, 197, 207), (177, 186, 196)],
    ),
}  # fmt: skip

# Rich's own frame has window buttons, and a font from elsewhere.
FRAME = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img">
<title>%s</title>
<style>
.{unique_id}-matrix {{ font: {char_height}px/{line_height}px ui-monospace, Menlo, monospace }}
{styles}
</style>
<defs>{lines}</defs>
<rect width="100%%" height="100%%" rx="8" fill="%s"/>
<g transform="translate(16, 12)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def run() -> list[str]:
    """The lines that the run leaves on a terminal, with their colours."""
    # Whoever draws it runs the repository's code already: nobody is asked.
    environment = {**os.environ, "NESTPROOF_TRUST": "1"}
    size = (60, 400)
    process = pexpect.spawn(
        "nestproof",
        COMMAND.split()[1:],
        cwd=str(ROOT),
        env=environment,
        dimensions=size,
        encoding="utf-8",
        timeout=600,
    )
    process.expect(pexpect.EOF)
    # The live line is written over: what stands after the last return is what stays.
    lines = [line.rstrip("\r").rpartition("\r")[2] for line in (process.before or "").split("\n")]
    return [line.replace("\x1b[K", "") for line in lines]


def chosen(lines: list[str]) -> list[str]:
    """The outcomes in SHOWN, and all that is no outcome."""
    verdicts = {status.value for status in Status}
    kept = []
    for line in lines:
        words = Text.from_ansi(line).plain.split()
        if not words or words[0] not in verdicts or not set(SHOWN).isdisjoint(words[1:4]):
            kept.append(line)
    return kept


def draw(lines: list[str], theme: str) -> str:
    """An SVG picture of these lines."""
    colors = THEMES[theme]
    console = Console(
        file=io.StringIO(), record=True, width=COLUMNS, force_terminal=True, color_system="truecolor"
    )
    console.print(Text("$ ", style="bold") + Text(COMMAND, style="bold"))
    for line in lines:
        console.print(Text.from_ansi(line), no_wrap=True, overflow="ellipsis")
    # Rich's own measures of a character: 20 high, 0.61 of that wide, and 1.22 of it from line to line.
    size = (round(COLUMNS * 12.2) + 32, round((len(lines) + 1) * 24.4) + 28)
    frame = FRAME % (
        *size,
        f"{COMMAND}: a line for each outcome, then the summary",
        colors.background_color.hex,
    )
    return console.export_svg(theme=colors, code_format=frame, unique_id="run", title="")


def main() -> None:
    """Run, and write both pictures."""
    lines = chosen(run())
    while lines and not lines[-1].strip():
        lines.pop()
    for theme in THEMES:
        file = ROOT / f"docs/images/validate-{theme}.svg"
        file.write_text(draw(lines, theme), "utf-8")
        print(f"wrote {file.relative_to(ROOT)}", file=sys.stderr)


if __name__ == "__main__":
    main()
