import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect, sync_playwright

from benchmarks.report import large_run, page
from harness.reporting.html import TITLE
from harness.reporting.html import page as report_page
from tests.reporting.conftest import run_of

ARGUMENTS = ["--no-sandbox", "--headless", "--disable-gpu", "--disable-background-networking"]
PATIENCE_MS = 120_000
"""A browser on a busy machine takes its time; nothing here measures speed."""
HOSTILE = "<script>alert(1)</script>"

CONFTEST = """
from pathlib import Path

def pytest_html_report_title(report):
    report.title = "Success criteria"

def pytest_html_results_summary(prefix):
    prefix.append(Path(__file__).with_name("fragment.html").read_text(encoding="utf-8"))
"""
CHECKS = """
import pytest

@pytest.mark.parametrize("criterion", ["1.2-sums", "1.5-ratio"])
def test_criterion(criterion):
    assert criterion != "1.5-ratio", "measured 0.2, the rule is >= 0.25"
"""


def chromium_path():
    """The browser named by HARNESS_CHROMIUM, else an installed one; None where there is none."""
    named = os.environ.get("HARNESS_CHROMIUM")
    if named:
        assert Path(named).is_file(), f"HARNESS_CHROMIUM names {named}, which is not a file"
        return named
    return shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def report(rendered, filled_output):
    """index.html of a real pytest-html run with the report as its prefix, in a folder with a space and an umlaut."""
    for name, text in {"fragment.html": rendered, "conftest.py": CONFTEST, "test_checks.py": CHECKS}.items():
        (filled_output / name).write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", ".", "-c", os.devnull]
    done = subprocess.run(
        [*command, "--html=index.html", "--self-contained-html", "test_checks.py"],
        cwd=filled_output,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return filled_output / "index.html"


@pytest.fixture(scope="module")
def browser():
    path = chromium_path()
    if path is None:
        pytest.skip("no Chromium found: install chromium, or name one with HARNESS_CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


class Visit:
    """A page, and everything that went wrong on it."""

    def __init__(self, browser, report, **context):
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 850}, **context})
        self.context.set_default_timeout(PATIENCE_MS)
        self.page = self.context.new_page()
        self.complaints, self.requests = [], []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.complaints.append(dialog.message), dialog.dismiss()))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(report.as_uri())

    def row(self, criterion_id, model="tiny-llama"):
        return self.page.locator(f'[id="c-{model}-{criterion_id}"]')

    def shown(self):
        return self.page.locator(".ch-item:visible").count()

    def choose(self, key, value):
        self.page.select_option(f"[data-ch-filter={key}]", value)


@pytest.fixture
def visit(browser, report):
    visit = Visit(browser, report)
    yield visit
    visit.context.close()


def test_it_opens_from_a_file_without_complaint_or_network(visit):
    assert visit.complaints == []
    assert all(url.startswith(("file:", "data:")) for url in visit.requests)


def test_the_verdicts_come_first_and_the_test_log_last_and_folded(visit):
    assert visit.page.evaluate("document.body.firstElementChild.id") == "ch-report"
    assert visit.page.evaluate("document.body.lastElementChild.id") == "ch-log"
    assert visit.page.locator(".ch-line").first.is_visible()
    assert not visit.page.locator("#results-table").is_visible()
    assert "1 Failed, 1 Passed" in visit.page.locator("#ch-log > summary").inner_text()


def test_the_test_log_still_works_after_it_was_moved(visit):
    visit.page.click("nav >> text=Test log")
    # Going to a part of the page opens it in an event of its own.
    log = visit.page.locator("#results-table .collapsible:visible")
    expect(log).to_have_count(2, timeout=PATIENCE_MS)
    visit.page.uncheck('[data-test-result="passed"]')
    expect(log).to_have_count(1, timeout=PATIENCE_MS)
    assert visit.complaints == []


def test_the_page_without_pytest_has_all_but_the_test_log(browser, every_criterion, filled_output):
    alone = filled_output / "alone.html"
    alone.write_text(report_page(run_of(every_criterion), filled_output), encoding="utf-8")
    visit = Visit(browser, alone)
    assert visit.complaints == []
    assert visit.page.title() == TITLE
    assert visit.page.get_by_text("Test log").count() == 0
    assert visit.page.locator("meta[name=viewport]").count() == 1
    assert visit.page.locator(".ch-explorer svg").count() > 0
    visit.choose("verdict", "skipped")
    assert visit.shown() == 1
    visit.context.close()


def test_hostile_text_is_shown_as_text(visit):
    assert HOSTILE in visit.row("1.2-max").inner_text()
    visit.page.click("text=answers in full")
    assert HOSTILE in visit.page.locator(".ch-answers").first.inner_text()
    assert visit.complaints == []


@pytest.mark.parametrize(
    ("key", "value"),
    [("model", "run"), ("study", "phase2"), ("verdict", "fail"), ("kind", "validity")],
)
def test_a_filter_shows_what_it_names_and_nothing_else(visit, every_criterion, key, value):
    visit.choose(key, value)
    wanted = [item.id for item in every_criterion if getattr(item, key) == value]
    shown = [row.split("\n")[0] for row in visit.page.locator(".ch-item:visible .ch-id").all_inner_texts()]
    assert shown == wanted
    assert f"{len(wanted)} of {len(every_criterion)}" in visit.page.locator(".ch-shown").inner_text()


def test_filters_combine_and_show_all_undoes_them(visit, every_criterion):
    visit.choose("study", "phase2")
    visit.choose("mark", "vacuous")
    visit.page.fill("[data-ch-filter=text]", "TOP")
    assert visit.shown() == 1
    visit.page.fill("[data-ch-filter=text]", "no such words")
    assert visit.shown() == 0
    assert visit.page.locator(".ch-none").is_visible()
    visit.page.click("text=Show all")
    visit.page.wait_for_function(
        f"document.querySelector('.ch-shown').textContent == '{len(every_criterion)} criteria'"
    )
    assert visit.shown() == len(every_criterion)


def test_a_row_opens_by_mouse_and_by_keyboard(visit):
    row = visit.row("1.5-ratio")
    definition = row.get_by_text("How 1.5-ratio is computed")
    assert not definition.is_visible()
    row.locator(".ch-says").click()
    assert definition.is_visible()
    button = row.locator(".ch-id button")
    assert button.get_attribute("aria-expanded") == "true"
    button.focus()
    visit.page.keyboard.press("Enter")
    assert not definition.is_visible()


def test_a_condition_of_a_tile_leads_to_its_row_even_when_filtered_away(visit):
    visit.choose("verdict", "skipped")
    visit.page.click("text=answers in full")
    visit.page.click(".ch-chip >> text=1.5-ratio")
    expect(visit.row("1.5-ratio").get_by_text("How 1.5-ratio is computed")).to_be_visible(timeout=PATIENCE_MS)


def test_thumbnails_load_wherever_they_are_shown(visit):
    visit.page.click("text=Open rows")
    widths = visit.page.evaluate("[...document.images].filter(i => i.closest('.ch')).map(i => i.naturalWidth)")
    assert len(widths) == 2
    assert min(widths) > 100


def test_the_frame_that_plots_share_is_lines_and_small_type(visit):
    """What is drawn by reference has the style of where it stands, not of where it is shown."""
    fill, size = (
        f"getComputedStyle(document.querySelector('#ch-frame {part}')).{name}"
        for part, name in (("path", "fill"), ("text", "fontSize"))
    )
    assert visit.page.evaluate(f"[{fill}, {size}]") == ["none", "9.5px"]


def test_the_full_figure_is_beside_the_page(visit):
    visit.page.click("text=Open rows")
    link = visit.row("1.2-max-raw").locator("figure a").first
    assert Path(
        visit.page.evaluate("a => decodeURIComponent(new URL(a.href).pathname)", link.element_handle())
    ).is_file()


def test_the_explorer_shows_the_chosen_head(visit):
    stage = visit.page.locator(".ch-stage")
    assert "L1H2" in stage.inner_text()
    assert "0.99" in stage.inner_text()
    stage.locator("select").first.select_option("0")
    assert "L0H2" in stage.inner_text()
    stage.locator("svg").first.focus()
    visit.page.keyboard.press("ArrowLeft")
    assert "L0H1" in stage.inner_text()
    visit.page.keyboard.press("ArrowUp")
    assert "L0H1" in stage.inner_text()
    assert visit.complaints == []


def luminance(page, selector):
    channels = page.evaluate(f"getComputedStyle(document.querySelector('{selector}')).backgroundColor.match(/\\d+/g)")
    return sum(map(int, channels[:3])) / 3


@pytest.mark.parametrize(("scheme", "dark"), [("light", False), ("dark", True)])
def test_both_colour_schemes_reach_the_whole_page(browser, report, scheme, dark):
    visit = Visit(browser, report, color_scheme=scheme)
    visit.page.evaluate("document.querySelector('#ch-log').open = true")
    for selector in ("body", ".ch-card", ".ch-criteria", "#ch-log", "#ch-log .logwrapper"):
        assert (luminance(visit.page, selector) < 128) == dark, selector
    visit.context.close()


def test_a_narrow_screen_needs_no_sideways_scrolling(browser, report):
    visit = Visit(browser, report, viewport={"width": 360, "height": 740}, is_mobile=True, device_scale_factor=1)
    visit.page.click("text=Open rows")
    visit.page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    assert visit.page.evaluate("document.documentElement.scrollWidth") == 360
    visit.context.close()


def test_print_shows_what_decided_and_leaves_out_what_paper_cannot_use(visit):
    assert not visit.page.locator(".ch-decided").first.is_visible()
    visit.page.emulate_media(media="print")
    assert not visit.page.locator(".ch-filters").is_visible()
    assert not visit.page.locator("#ch-log").is_visible()
    assert visit.row("1.5-ratio").is_visible()
    # What a closed part hides from the screen keeps its place in the layout: on paper it has a height.
    for kept in (".ch-decided", ".ch-answers", ".ch-facts dl", ".ch-believed dl"):
        assert visit.page.locator(kept).first.bounding_box()["height"] > 0, kept


def test_the_whole_first_screen_fits_two_models(browser, tmp_path):
    visit = Visit(
        browser, page(tmp_path, large_run(tmp_path, rows=40, figures=2)), viewport={"width": 1280, "height": 800}
    )
    for card in visit.page.locator(".ch-card").all():
        box = card.bounding_box()
        assert box["y"] + box["height"] <= 800
    visit.context.close()


def test_a_count_shows_the_rows_it_counts(visit):
    visit.page.click(".ch-totals .ch-weak")
    assert visit.page.locator(".ch-item:visible .ch-id button").all_inner_texts() == ["2.3-random"]
    assert visit.page.input_value("[data-ch-filter=footing]") == "shaky"
    visit.page.click("text=Show all")
    visit.page.click(".ch-line .ch-pass >> nth=0")
    assert set(visit.page.locator(".ch-item:visible").evaluate_all("rows => rows.map(r => r.dataset.study)")) == {
        "phase1"
    }


def test_everything_can_be_done_by_keyboard(visit):
    """From the first link through a study's details and a filter to an open row, with keys alone."""
    press = visit.page.keyboard.press
    seen = set()
    for _ in range(80):
        press("Tab")
        focused = visit.page.evaluate(
            "(() => { const e = document.activeElement;"
            " return e.closest('.ch-id') ? 'row' : e.dataset.chFilter || e.localName })()"
        )
        seen.add(focused)
        if focused == "summary":
            press("Enter")
        if focused == "verdict":
            press("f")
        if focused == "row":
            break
    assert {"a", "summary", "verdict", "text", "button", "row"} <= seen
    assert set(visit.page.locator(".ch-item:visible").evaluate_all("rows => rows.map(r => r.dataset.verdict)")) == {
        "fail"
    }
    press("Enter")
    assert visit.page.locator(".ch-item:visible .ch-body").first.is_visible()
    assert visit.page.locator(".ch-rests[open]").count() == visit.page.locator(".ch-rests").count()


def test_links_of_the_page_lead_somewhere(visit):
    targets = visit.page.evaluate(
        "[...document.querySelectorAll('#ch-report a')].map(a => a.getAttribute('href'))"
        ".filter(h => h.startsWith('#') && !document.getElementById(decodeURIComponent(h.slice(1))))"
    )
    assert targets == []
    files = visit.page.evaluate(
        "[...document.querySelectorAll('#ch-report a')].filter(a => a.protocol == 'file:' && !a.hash)"
        ".map(a => decodeURIComponent(a.pathname))"
    )
    assert files
    assert all(Path(path).is_file() for path in files)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_meets_what_can_be_checked_of_accessibility(browser, report, scheme):
    """Names, roles, contrast and structure, as axe-core judges them; pytest-html's own part is left to pytest-html."""
    visit = Visit(browser, report, color_scheme=scheme)
    visit.page.evaluate("for (const one of document.querySelectorAll('#ch-report details')) one.open = true")
    found = Axe().run(visit.page, context="#ch-report").response["violations"]
    assert [(one["id"], [node["target"] for node in one["nodes"]][:3]) for one in found] == []
    visit.context.close()


def test_without_scripts_the_criteria_can_still_be_read(browser, report, every_criterion):
    visit = Visit(browser, report, java_script_enabled=False)
    assert visit.shown() == len(every_criterion)
    assert not visit.page.locator(".ch-filters").is_visible()
    box, title = visit.page.locator("#ch-report").bounding_box(), visit.page.locator("#title").bounding_box()
    assert box["y"] < title["y"]
    visit.row("1.5-ratio").locator("summary").click()
    expect(visit.row("1.5-ratio").get_by_text("How 1.5-ratio is computed")).to_be_visible(timeout=PATIENCE_MS)
    visit.context.close()
