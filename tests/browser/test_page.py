"""The HTML report in a real browser: wide and narrow, light and dark, without a script of its own."""

from __future__ import annotations

import functools
import html
import http.server
import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nestbox.evidence import Evidence
from nestbox.outcome import Outcome, Status
from nestbox.reports.html import to_html
from tests.conftest import skip_or_fail
from tests.samples import EVERYTHING, NASTY, SECURE, TWO_MACHINES, a_run, observed

pytestmark = pytest.mark.browser

WIDTHS = {"phone": (360, 740), "desktop": (1280, 900)}
# Chromium's own setting: 0 is dark, 1 is light.
SCHEMES = {"dark": 0, "light": 1}
LONG = "x" * 400
WIDEST = Evidence(
    runs=(a_run(Outcome(f"smoke.{LONG}", Status.FAIL, LONG, SECURE, LONG, LONG, observed(LONG, LONG, 1))),)
)
DOCUMENTS = {"everything": EVERYTHING, "two machines": TWO_MACHINES, "widest": WIDEST}
Browse = Callable[..., str]


@pytest.fixture(scope="session")
def chromium() -> str:
    """A Chromium; without one the test is skipped, or fails where Docker tests are required (in CI)."""
    for name in ("chromium", "google-chrome", "chromium-browser"):
        if found := shutil.which(name):
            return found
    return skip_or_fail("there is no Chromium: ./scripts/chromium installs it")


@pytest.fixture
def browse(chromium: str, tmp_path: Path) -> Iterator[Browse]:
    """Serve a document beside the page that measures it, and open an address of it."""
    folder = tmp_path / "served"
    folder.mkdir()
    shutil.copy(Path(__file__).parent / "measure.html", folder)
    handler = functools.partial(QuietHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()

        def open_page(document: Evidence, address: str, *options: str) -> str:
            (folder / "page.html").write_text(to_html(document))
            argv = [
                chromium,
                "--headless=new",
                "--disable-gpu",
                "--hide-scrollbars",
                "--virtual-time-budget=3000",
            ]
            # As root, as in CI's containers, Chromium starts only without its own sandbox.
            argv += ["--no-sandbox", f"--user-data-dir={tmp_path / 'chromium'}", *options]
            argv.append(f"http://127.0.0.1:{server.server_port}/{address}")
            done = subprocess.run(argv, capture_output=True, text=True, timeout=90, check=True)
            return done.stdout

        yield open_page
        server.shutdown()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serves files, and says nothing about it."""

    def log_message(self, format: str, *args: Any) -> None:
        """Nobody reads it."""


def measured(browse: Browse, document: Evidence, size: str, scheme: str, at: str = "") -> Any:
    width, height = WIDTHS[size]
    address = f"measure.html?width={width}&height={height}&at={at.replace('#', '%23')}"
    dom = browse(document, address, "--dump-dom", f"--blink-settings=preferredColorScheme={SCHEMES[scheme]}")
    found = re.search(r'<pre id="found">(.*?)</pre>', dom, re.DOTALL)
    assert found
    assert found[1], "the page was not measured"
    return json.loads(html.unescape(found[1]))


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("size", WIDTHS)
@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_page_fits_and_can_be_read(browse: Browse, name: str, size: str, scheme: str) -> None:
    seen = measured(browse, DOCUMENTS[name], size, scheme)
    assert seen["clientWidth"] == WIDTHS[size][0]
    assert seen["scrollWidth"] <= seen["clientWidth"], seen["wide"]
    assert seen["wide"] == []
    # WCAG AA: 1.4.3 for every text that is there to see, 2.5.8 for what is tapped.
    assert seen["texts"] > 20
    assert seen["faint"] == []
    assert seen["small"] == 0
    assert seen["scripts"] == 0
    assert seen["ground"] == {"light": "rgb(255, 255, 255)", "dark": "rgb(18, 22, 27)"}[scheme]


def test_a_cell_opens_its_evidence_without_a_script(browse: Browse) -> None:
    # The first outcome passed, so its details are closed until somebody comes for them.
    closed = measured(browse, EVERYTHING, "phone", "light")
    opened = measured(browse, EVERYTHING, "phone", "light", "#r1-1")
    assert opened["opened"] is True
    assert opened["open"] == closed["open"] + 1


def test_the_measuring_sees_what_is_wrong(browse: Browse, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = to_html(EVERYTHING).replace("--quiet: #555e68", "--quiet: #aab0b6")
    broken = broken.replace("<h1>", '<h1 style="width: 900px">')
    monkeypatch.setattr("tests.browser.test_page.to_html", lambda _: broken)
    seen = measured(browse, EVERYTHING, "phone", "light")
    assert seen["scrollWidth"] > seen["clientWidth"]
    assert seen["faint"]


def test_hostile_output_runs_nothing(browse: Browse) -> None:
    hostile = f"{NASTY}<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
    outcome = Outcome(
        "smoke.own", Status.FAIL, hostile, SECURE, hostile, hostile, observed(hostile, hostile, 1)
    )
    dom = browse(Evidence(runs=(a_run(outcome),)), "page.html", "--dump-dom")
    title = re.search(r"<title>(.*?)</title>", dom)
    assert title
    assert title[1] == "nestbox: 1 fail"
    assert "<script" not in dom
    assert "<img" not in dom


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("size", WIDTHS)
def test_screenshots(browse: Browse, tmp_path: Path, size: str, scheme: str) -> None:
    """NESTBOX_SCREENSHOTS=FOLDER keeps them, for somebody to look at."""
    folder = Path(os.environ.get("NESTBOX_SCREENSHOTS") or tmp_path)
    picture = folder / f"{size}-{scheme}.png"
    width, height = WIDTHS[size][0], 3200 if size == "desktop" else 4200
    browse(
        EVERYTHING,
        f"measure.html?width={width}&height={height}",
        f"--screenshot={picture}",
        f"--window-size={max(width, 500)},{height}",
        f"--blink-settings=preferredColorScheme={SCHEMES[scheme]}",
    )
    data = picture.read_bytes()
    assert data.startswith(b"\x89PNG")
    # A page that failed to load is a few kilobytes of one colour.
    assert len(data) > 50_000


def test_it_can_be_printed(browse: Browse, tmp_path: Path) -> None:
    file = tmp_path / "page.pdf"
    browse(EVERYTHING, "page.html", f"--print-to-pdf={file}", "--no-pdf-header-footer")
    assert file.read_bytes().startswith(b"%PDF")
    # Also what is closed on the screen is on paper: more pages than the picture alone takes.
    assert file.read_bytes().count(b"/Type /Page\n") >= 3
