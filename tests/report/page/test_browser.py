"""The page in a real browser: Debian's Chromium, driven by playwright."""

from __future__ import annotations

import shutil

import pytest

from tests.report.page.made_run import EVIL, corpus, lines, made_run, record, run, write

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (extra `browser`)")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the PATH (Debian: apt-get install chromium)")
ARGUMENTS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield started
        started.close()


@pytest.fixture
def visit(browser):
    """`visit(path)` opens a page; at the end it must have said nothing on the console, asked for nothing but itself
    and opened no dialog."""
    opened, unwanted = [], []

    def open_page(path, **options):
        page = browser.new_page(**options)
        opened.append(page)
        page.on("console", lambda message: unwanted.append(message.text))
        page.on("pageerror", lambda error: unwanted.append(str(error)))
        page.on("dialog", lambda dialog: (unwanted.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: request.url == path.as_uri() or unwanted.append(request.url))
        page.goto(path.as_uri())
        page.wait_for_selector("#detail h3, #problem:not([hidden])")
        return page

    yield open_page
    for page in opened:
        page.close()
    assert unwanted == []


@pytest.fixture
def path(tmp_path):
    store = made_run(tmp_path / "run", tmp_path / "data")
    return write(store, store.read_manifest(), corpus(tmp_path / "again"))[0]


def ids(page):
    """The ids of the listed instances, found by choosing each with the keyboard."""
    found = []
    page.focus("#list")
    page.keyboard.press("Home")
    for _ in range(page.locator("#list li").count()):
        page.wait_for_timeout(20)
        found.append(page.inner_text("#detail h3"))
        page.keyboard.press("ArrowDown")
    return found


def test_sorting_by_click_and_by_key(visit, path):
    page = visit(path)

    def first_column():
        return page.locator("table.sortable tbody th").all_inner_texts()

    head = page.locator("table.sortable thead th", has_text="100%")
    assert first_column() == ["no_retrieval", "rag_text"]
    head.locator("button").click()  # 10.0 and 11.0: the larger one first
    assert (first_column(), head.get_attribute("aria-sort")) == (["rag_text", "no_retrieval"], "descending")
    page.keyboard.press("Enter")
    assert (first_column(), head.get_attribute("aria-sort")) == (["no_retrieval", "rag_text"], "ascending")
    page.locator("table.sortable thead button", has_text="method").press("Space")
    assert head.get_attribute("aria-sort") is None


@pytest.mark.parametrize(
    ("show", "expected"),
    [("all", ["t0", "t1", "t2", "t3", "t4"]), ("wrong", ["t2", "t4"]), ("right", ["t0", "t1", "t3"]), ("fixed", ["t1"]),
     ("broken", ["t2"]), ("differ", ["t1", "t2", "t4"])],
)  # fmt: skip
def test_filters(visit, path, show, expected):
    page = visit(path)
    page.select_option("#show", show)
    assert page.inner_text("#status").startswith(f"{len(expected)} of 5 instances. Fixed and broken: against no_ret")
    assert ids(page) == expected


def test_a_broken_instance_with_its_neighbours_and_hostile_text(visit, path):
    page = visit(path)
    page.select_option("#show", "broken")
    page.click("#list li")
    assert page.inner_text("#detail > .sentence") == f"Cup is {EVIL} of CLAY ."
    assert page.locator("#detail img, #detail script").count() == 0
    assert page.locator("#detail > .sentence mark").all_inner_texts() == ["Cup", "CLAY"]
    mine, beside = page.locator("#detail .columns > section").all()
    assert (mine.get_attribute("aria-label"), beside.get_attribute("aria-label")) == ("rag_text", "no_retrieval")
    assert "✗ predicted: part_of<b>& (wrong)" in mine.inner_text()
    assert "✓ predicted: made_of (right)" in beside.inner_text()
    assert "no neighbours" in beside.inner_text()
    near = [item.inner_text() for item in mine.locator(".near li").all()]
    assert [text.splitlines()[-1] for text in near] == ["d2", "d0", "d1"]
    tags = [item.locator(".same").all_inner_texts() for item in mine.locator(".near li").all()]
    assert tags == [["same head", "same tail"], ["same relation", "same tail"], ["same tail"]]
    assert "no_relation 0.5" in near[0]
    assert "cup word2 clay ." in near[0]


def test_search_relations_and_reset(visit, path):
    page = visit(path)
    page.fill("#search", "IRON")
    assert ids(page) == ["t1"]
    page.fill("#search", "nowhere to be found")
    assert page.inner_text("#status").startswith("0 of 5")
    assert page.locator("#detail h3").count() == 0
    page.click("button[type=reset]")
    page.wait_for_selector("#detail h3")
    assert ids(page) == ["t0", "t1", "t2", "t3", "t4"]
    page.select_option("#gold", "part_of<b>&")
    assert ids(page) == ["t1", "t4"]
    page.select_option("#predicted", "made_of")
    assert ids(page) == ["t4"]


def test_confusions_by_keyboard_lead_to_their_instances(visit, path):
    page = visit(path)
    rows = [row.locator("td").all_inner_texts() for row in page.locator("#confusion tbody tr").all()]
    # made_of, no_relation, part_of: gold by predicted of rag_text
    assert rows == [["1", "", "1"], ["", "1", ""], ["1", "", "1"]]
    page.focus("#confusion td[tabindex='0']")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#confused") == "gold made_of, predicted part_of<b>&: 1 (50.0% of its 2)"
    page.keyboard.press("Enter")
    assert page.input_value("#gold") == "made_of"
    assert ids(page) == ["t2"]


def test_one_method_has_nothing_to_be_compared_with(visit, path):
    page = visit(path)
    page.select_option("#first", "no_retrieval")
    page.wait_for_function("document.querySelector('#status').textContent === '5 of 5 instances.'")
    assert page.locator("#show option:disabled").evaluate_all("options => options.map(o => o.value)") == [
        "fixed",
        "broken",
    ]


def test_a_probe_stands_in_for_the_run_without_retrieval(visit, tmp_path):
    dataset = corpus(tmp_path / "data")
    plain = lines("no_retrieval")
    rows = [line | {"probes": {"none": plain[at]["predicted"]}} for at, line in enumerate(lines("rag_text"))]
    probes = {"none": {"f1": 0.5, "fixed": 1, "broke": 0}}
    store = run(tmp_path / "run", [(record(dataset, "rag_text", 0, probes=probes), rows)])
    page = visit(write(store, {}, dataset)[0])
    assert "Fixed and broken: against its probe none." in page.inner_text("#status")
    page.select_option("#show", "fixed")
    assert ids(page) == ["t1"]
    assert page.locator(".probes").inner_text() == "none: made_of ✗"


def test_points_show_their_values_when_focused(visit, path):
    page = visit(path)
    point = page.locator(".point").first
    assert point.locator(".value").evaluate("node => getComputedStyle(node).visibility") == "hidden"
    point.focus()
    assert point.locator(".value").evaluate("node => getComputedStyle(node).visibility") == "visible"
    assert point.get_attribute("aria-label") == "no_retrieval at 100%: 10.0, n = 1"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_narrow_screen_needs_no_sideways_scrolling(visit, path, scheme):
    page = visit(path, viewport={"width": 360, "height": 640}, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_ids_stand_in_for_texts(visit, tmp_path):
    store = made_run(tmp_path / "run", tmp_path / "data")
    page = visit(write(store, {}, None)[0])
    assert page.inner_text("#detail > .sentence") == "t0 (its text is not at hand)"
    assert ids(page) == ["t0", "t1", "t2", "t3", "t4"]


def test_a_long_list_is_paged_and_walked_by_keyboard(visit, tmp_path):
    dataset = corpus(tmp_path / "data")
    pattern = lines("rag_text")
    rows = [pattern[n % 5] | {"id": f"q{n}"} for n in range(113)]
    store = run(tmp_path / "run", [(record(dataset, "rag_text", 0, n_test=len(rows)), rows)])
    page = visit(write(store, {}, None)[0])
    assert page.locator("#list li").count() == 50
    page.focus("#list")
    for key, name, shown in (
        ("PageDown", "q50", "51–100 of 113"), ("ArrowUp", "q49", "1–50 of 113"), ("End", "q112", "101–113 of 113"),
        ("ArrowDown", "q112", "101–113 of 113"),
    ):  # fmt: skip
        page.keyboard.press(key)
        page.wait_for_timeout(20)
        assert (page.inner_text("#detail h3"), page.inner_text("#page")) == (name, shown)
    chosen = page.locator("#list li[aria-selected=true]")
    assert page.get_attribute("#list", "aria-activedescendant") == chosen.get_attribute("id")
    assert chosen.get_attribute("aria-posinset") == "113"
    page.click("#previous")
    assert page.inner_text("#page") == "51–100 of 113"
