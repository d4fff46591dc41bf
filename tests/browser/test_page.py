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
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from nestproof.core.outcome import Outcome, Status
from nestproof.reports.evidence import Evidence
from nestproof.reports.html import to_html
from tests.conftest import skip_or_fail
from tests.samples import EVERYTHING, NASTY, SECURE, TWO_MACHINES, a_run, observed

# It needs no engine, but a browser that starts a dozen times is not for the quick tests.
pytestmark = [pytest.mark.browser, pytest.mark.docker]

WIDTHS = {"phone": (360, 740), "desktop": (1280, 900)}
# Chromium's own setting: 0 is dark, 1 is light.
SCHEMES = {"dark": 0, "light": 1}
LONG = "x" * 400
WIDEST = Evidence(
    runs=(a_run(Outcome(f"smoke.{LONG}", Status.FAIL, LONG, SECURE, LONG, LONG, observed(LONG, LONG, 1))),)
)
DOCUMENTS = {"everything": EVERYTHING, "two-machines": TWO_MACHINES, "widest": WIDEST}
Browse = Callable[..., str]


@pytest.fixture(scope="session")
def chromium() -> str:
    """A Chromium; without one the test is skipped, or fails where Docker tests are required (in CI)."""
    for name in ("chromium", "google-chrome", "chromium-browser"):
        if found := shutil.which(name):
            return found
    return skip_or_fail("there is no Chromium: ./scripts/chromium installs it")


@pytest.fixture(scope="module")
def browse(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browse]:
    """Serve pages beside the one that measures them, and open an address of theirs."""
    folder = tmp_path_factory.mktemp("served")
    shutil.copy(Path(__file__).parent / "measure.html", folder)
    handler = functools.partial(QuietHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()

        def open_page(pages: Mapping[str, str], address: str, *options: str) -> str:
            for name, page in pages.items():
                (folder / f"{name}.html").write_text(page)
            argv = [
                chromium,
                "--headless=new",
                "--disable-gpu",
                "--hide-scrollbars",
                "--virtual-time-budget=9000",
            ]
            # As root, as in CI's containers, Chromium starts only without its own sandbox.
            argv += ["--no-sandbox", f"--user-data-dir={folder}-chromium", *options]
            argv.append(f"http://127.0.0.1:{server.server_port}/{address}")
            done = subprocess.run(argv, capture_output=True, text=True, timeout=90, check=True)
            return done.stdout

        yield open_page
        server.shutdown()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serves files as they are now, and says nothing about it."""

    def end_headers(self) -> None:
        """Pages change from test to test, and the browser keeps what it may."""
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nobody reads it."""


def address_of(*wanted: tuple[str, int, int]) -> str:
    """Of the page that measures pages of that address, width and height."""
    places = [{"address": address, "width": width, "height": height} for address, width, height in wanted]
    return f"measure.html?{urlencode({'wanted': json.dumps(places)})}"


def measured(browse: Browse, pages: Mapping[str, str], scheme: str, *wanted: tuple[str, str]) -> list[Any]:
    """What is found at each address, at each size."""
    address = address_of(*((address, *WIDTHS[size]) for address, size in wanted))
    dom = browse(pages, address, "--dump-dom", f"--blink-settings=preferredColorScheme={SCHEMES[scheme]}")
    found = re.search(r'<pre id="found">(.*?)</pre>', dom, re.DOTALL)
    assert found
    assert found[1], "the pages were not measured"
    seen: list[Any] = json.loads(html.unescape(found[1]))
    return seen


@pytest.fixture(scope="module")
def seen(browse: Browse) -> dict[tuple[str, str, str], Any]:
    """Each document at each size in each scheme, in one start of the browser for each scheme."""
    pages = {name: to_html(document) for name, document in DOCUMENTS.items()}
    places = [(name, size) for name in DOCUMENTS for size in WIDTHS]
    wanted = [(f"{name}.html", size) for name, size in places]
    return {
        (*place, scheme): found
        for scheme in SCHEMES
        for place, found in zip(places, measured(browse, pages, scheme, *wanted), strict=True)
    }


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("size", WIDTHS)
@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_page_fits_and_can_be_read(
    seen: dict[tuple[str, str, str], Any], name: str, size: str, scheme: str
) -> None:
    page = seen[name, size, scheme]
    assert page["clientWidth"] == WIDTHS[size][0]
    assert page["scrollWidth"] <= page["clientWidth"], page["wide"]
    assert page["wide"] == []
    # WCAG AA: 1.4.3 for every text that is there to see, 2.5.8 for what is tapped.
    assert page["texts"] > 20
    assert page["faint"] == []
    assert page["small"] == 0
    assert page["scripts"] == 0
    assert page["ground"] == {"light": "rgb(255, 255, 255)", "dark": "rgb(18, 22, 27)"}[scheme]


def test_a_cell_opens_its_evidence_without_a_script(browse: Browse) -> None:
    # The first outcome passed, so its details are closed until somebody comes for them.
    pages = {"page": to_html(EVERYTHING)}
    closed, opened = measured(
        browse, pages, "light", ("page.html", "phone"), ("page.html?opened#r1-1", "phone")
    )
    assert closed["opened"] is None
    assert opened["opened"] is True
    assert opened["open"] == closed["open"] + 1


def test_the_measuring_sees_what_is_wrong(browse: Browse) -> None:
    broken = to_html(EVERYTHING).replace("--quiet: #555e68", "--quiet: #aab0b6")
    broken = broken.replace("<h1>", '<h1 style="width: 900px">')
    (page,) = measured(browse, {"page": broken}, "light", ("page.html", "phone"))
    assert page["scrollWidth"] > page["clientWidth"]
    assert page["faint"]


def test_hostile_output_runs_nothing(browse: Browse) -> None:
    hostile = f"{NASTY}<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
    outcome = Outcome(
        "smoke.own", Status.FAIL, hostile, SECURE, hostile, hostile, observed(hostile, hostile, 1)
    )
    dom = browse({"page": to_html(Evidence(runs=(a_run(outcome),)))}, "page.html", "--dump-dom")
    title = re.search(r"<title>(.*?)</title>", dom)
    assert title
    assert title[1] == "nestproof: 1 fail"
    assert "<script" not in dom
    assert "<img" not in dom


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("size", WIDTHS)
def test_screenshots(browse: Browse, tmp_path: Path, size: str, scheme: str) -> None:
    """NESTPROOF_SCREENSHOTS=FOLDER keeps them, for somebody to look at."""
    folder = Path(os.environ.get("NESTPROOF_SCREENSHOTS") or tmp_path)
    picture = folder / f"{size}-{scheme}.png"
    width, height = WIDTHS[size][0], 3200 if size == "desktop" else 4200
    browse(
        {"page": to_html(EVERYTHING)},
        address_of(("page.html", width, height)),
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
    browse({"page": to_html(EVERYTHING)}, "page.html", f"--print-to-pdf={file}", "--no-pdf-header-footer")
    assert file.read_bytes().startswith(b"%PDF")
    # Also what is closed on the screen is on paper: more pages than the picture alone takes.
    assert file.read_bytes().count(b"/Type /Page\n") >= 3
