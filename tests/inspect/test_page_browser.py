"""The page of a compilation in a real browser: what one sees and does there."""

import json
import tempfile

import pytest
from chromium import CHROMIUM, Browser
from page_models import HOSTILE, deep_graph, hostile_graph, made, network_stages

from graphc import aot
from graphc.inspect.kept import kept
from graphc.inspect.stages import Stages

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here (Debian: apt-get install chromium)")
TIMELINE = {
    "note": "fastest of 3 runs",
    "tracks": [
        {"name": "steps", "spans": [[0, 40, "dot0", "dot0"], [40, 20, "copy", None], [60, 140, "dot4", "dot4"]]},
        {"name": "thread 1", "spans": [[5, 30, "dot0", "dot0"]]},
    ],
    "kernels": {"dot0": [40, 0.2, "compute, 50 % of what it can"], "dot4": [140, 0.7, None]},
}


@pytest.fixture(scope="module")
def browser():
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        made = Browser(folder)
        yield made
        made.close()


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "network.html"
    path.write_text(made(network_stages(), timeline=TIMELINE))
    return path


@pytest.fixture
def page(browser, file):
    """The browser with the page of the network; nothing may have gone wrong at the end."""
    browser.open(file)
    yield browser
    assert browser.errors == []
    assert [url for url in browser.requests if url not in ("about:blank", f"file://{file}")] == []


DRAWN = "document.querySelector('#middle canvas')?.width > 300"  # a canvas has 300 before it is given its size


def chosen(page):
    return page.js("document.querySelector('#details h2').textContent")


def rows(page, selector):
    return page.js(f"[...document.querySelectorAll('{selector} .row')].map((row) => row.innerText)")


def address(page):
    return page.js("decodeURIComponent(location.hash)")


def test_every_view_opens_by_its_letter(page):
    assert "64" in page.js("document.querySelector('#figures').innerText") and page.js("document.title").startswith("network")
    for letter, view, content in (
        ("p", "passes", ".code .row"), ("k", "kernels", ".code .row"), ("m", "memory", "canvas"), ("t", "timeline", "canvas"),
        ("s", "source", ".code .row"), ("g", "graph", "canvas"),
    ):  # fmt: skip
        page.key(letter)
        page.wait(f"document.querySelector('#views [aria-selected=true]').dataset.view === '{view}' && document.querySelector('#middle {content}')")
        assert address(page).startswith(f"#{view}")
    page.key("?")
    page.wait("document.querySelector('#help').open && document.querySelector('#help').innerText.includes('search')")


def test_from_a_value_to_its_kernel_its_assembly_and_back(page, file):
    page.open(file, "#graph/value/optimised/max0")
    assert chosen(page) == "%max0" and "max" in page.js("document.querySelector('#details').innerText")
    page.js("[...document.querySelectorAll('#details a')].find((a) => a.textContent === 'dot0').click()")
    page.wait("document.querySelector('.code .row')?.innerText.includes('kernel @dot0')")
    for number, wanted in ((2, "define"), (3, "k_dot0")):
        page.click(f"#middle .tabs button:nth-child({number})")
        page.wait(f"document.querySelector('.code').innerText.includes('{wanted}')")
    page.js("[...document.querySelectorAll('#details a')].find((a) => a.textContent.startsWith('page_models.py:')).click()")
    page.wait("document.querySelector('#views [aria-selected=true]').dataset.view === 'source'")
    assert "get_variable" in page.js("document.querySelector('.code .hit').innerText")
    page.js("history.go(-2)")
    page.wait("document.querySelector('#details h2').textContent === '%max0'")
    page.key("m")  # what is chosen stays so from view to view
    page.wait("document.querySelector('#left .row[aria-selected=true]')?.innerText.includes('max0')")


def test_a_click_on_a_box_chooses_its_value(page, file):
    page.open(file, "#graph/value/optimised/dot0")
    page.wait(DRAWN)
    x, y = page.js("(() => { const c = document.querySelector('#middle canvas').getBoundingClientRect(); return [c.x, c.y]; })()")
    names = set()
    for dy in range(40, 500, 60):
        for dx in range(150, 700, 70):
            page.click_at(x + dx, y + dy)
            names.add(chosen(page))
    assert len(names) > 3 and any(name.startswith("%") for name in names)


def test_reasons_lead_on(page, file):
    def said():
        return page.js("document.querySelector('#details').innerText")

    def follow(name):
        page.js(f"[...document.querySelectorAll('#details a')].find((a) => a.textContent === {json.dumps(name)}).click()")

    page.open(file, "#graph/value/traced/reshape1")
    assert "move_less: %reshape1 → %reduce1, by the rule reshape_of" in said()
    follow("%reduce1")
    page.wait("document.querySelector('#details h2').textContent === '%reduce1'")
    assert address(page) == "#graph/value/optimised/reduce1" and "in the place of\nmove_less: %reshape1 → %reduce1" in said()
    assert "no array: it stays in registers of its kernel" in said()
    follow("%add1")  # which is not in one kernel with it
    page.wait("document.querySelector('#details h2').textContent === '%add1'")
    assert "an array: read by other kernels (reduce0)" in said()
    assert "%reduce1, %sub0: one of the two has loops of its own, which the other does not fit into" in said()
    page.open(file, "#graph/value/traced/stop0")
    assert "not there; graphc inspect MODEL --why stop0 follows it" in said()
    page.open(file, "#passes/pass/move_less")
    assert "replaced\n%reshape1 → %reduce1, by the rule reshape_of" in said()
    page.open(file, "#memory/buffer/sub0")
    assert "over out_w0: an input that the caller gave away" in said()
    page.open(file, "#memory/buffer/exp0")
    assert "not in the memory of\nadd0: the kernel reads rows" in said()


def test_a_page_without_times_of_passes(browser, tmp_path):
    path = tmp_path / "kept.html"
    path.write_text(made(kept(aot.save(network_stages().graph, tmp_path / "m.gc"))))
    browser.open(path, "#passes/pass/move_less")
    browser.wait("document.querySelector('#left .row')")
    assert rows(browser, "#left")[-1].split() == ["move_less", "−9"]
    assert "time" not in browser.js("document.querySelector('#details').innerText") and browser.errors == []


def test_search_finds_values_kernels_and_lines(page):
    page.key("/")
    page.type("dot0")
    page.wait("document.querySelectorAll('#found .row').length > 1")
    assert rows(page, "#found")[0].startswith("dot0")
    page.key("ArrowDown")
    page.key("Enter")
    page.wait("document.querySelector('#details h2').textContent === '%dot0'")
    page.key("Escape")
    page.wait("document.querySelector('#found').hidden && document.querySelector('#search').value === ''")
    page.key("/")
    page.type("nothing is called so")
    page.wait("document.querySelector('#found').innerText.includes('Nothing')")


def test_passes_are_walked_through(page):
    page.key("p")
    page.wait("document.querySelector('.code .plus')")
    first = page.js("document.querySelector('#middle h2').textContent")
    page.key("ArrowRight")
    page.wait(f"document.querySelector('#middle h2').textContent !== {json.dumps(first)}")
    assert page.js("document.querySelectorAll('.code .minus, .code .plus').length") > 0
    page.key("ArrowLeft")
    page.wait(f"document.querySelector('#middle h2').textContent === {json.dumps(first)}")
    page.click("#middle .tabs button:nth-child(2)")  # the whole text
    page.wait("!document.querySelector('.code .plus') && document.querySelector('.code').innerText.includes('graph @network')")
    assert page.js("document.querySelector('#middle .tabs [aria-selected=true]').textContent") == "Whole text"
    page.click("#middle .tabs button:nth-child(1)")
    page.wait("document.querySelector('.code .plus')")
    page.js("(() => { const r = document.querySelector('input[type=range]'); r.value = 0; r.dispatchEvent(new Event('input')); })()")
    page.wait("document.querySelector('.code').innerText.includes('graph @network')")
    assert page.js("document.querySelector('#middle h2').textContent") == "as traced"


def test_frames_open_and_close_in_the_tree(page):
    high = "document.querySelector('#outline .list > div').clientHeight"
    before = page.js(high)
    page.key("c")
    page.wait(f"{high} < {before}")
    closed = page.js(high)
    page.js("[...document.querySelectorAll('#outline .row')].find((row) => row.innerText.includes('hidden')).click()")
    page.wait("document.querySelector('#details h2').textContent === 'hidden'")
    page.js("document.querySelector('#outline .list').focus()")
    page.key("ArrowRight")
    page.wait(f"{high} > {closed}")
    page.key("ArrowLeft")
    page.wait(f"{high} === {closed}")
    page.key("o")
    page.wait(f"{high} === {before}")


def test_light_and_dark(page):
    before = page.js("getComputedStyle(document.body).backgroundColor")
    page.key("d")
    page.wait(f"getComputedStyle(document.body).backgroundColor !== {json.dumps(before)}")
    page.key("d")
    page.wait(f"getComputedStyle(document.body).backgroundColor === {json.dumps(before)}")


def test_what_was_measured_is_on_the_timeline(page):
    page.key("t")
    page.wait("document.querySelector('#left .row')?.innerText.includes('dot4')")
    page.wait(DRAWN)
    assert "200" in page.js("document.querySelector('#middle h2').textContent")
    x, y, width = page.js("(() => { const c = document.querySelector('#middle canvas').getBoundingClientRect(); return [c.x, c.y, c.width]; })()")
    page.click_at(x + 110 + 0.1 * (width - 130), y + 50)
    page.wait("document.querySelector('#details h2').textContent === 'dot0'")
    assert "20.0 % of a run" in page.js("document.querySelector('#details').innerText")
    page.key("k")
    page.wait("document.querySelector('#left .heads').innerText.includes('Time')")


def test_it_fits_a_narrow_window(page):
    page.size(420, 800)
    try:
        page.wait("document.documentElement.scrollWidth <= 420")
    finally:
        page.size(1280, 800)


def test_names_of_a_model_stay_text(browser, tmp_path):
    path = tmp_path / "hostile.html"
    path.write_text(made(Stages(hostile_graph())))
    browser.open(path)
    for view in ("passes", "kernels", "memory", "source", "graph"):
        browser.js(f"location.hash = '#{view}'")
        browser.wait(f"document.querySelector('#views [aria-selected=true]').dataset.view === '{view}'")
    assert browser.js("typeof hacked") == "undefined" and browser.js("document.querySelectorAll('img').length") == 0
    assert browser.js("document.querySelector('#name').textContent") == HOSTILE
    browser.js("[...document.querySelectorAll('#outline .row')].find((row) => row.innerText.includes('onerror')).click()")
    browser.wait("document.querySelector('#details h2').textContent.includes('onerror')")
    assert browser.errors == []


def test_ten_thousand_values(browser, tmp_path):
    path = tmp_path / "deep.html"
    path.write_text(made(Stages(deep_graph())))
    browser.open(path)
    assert browser.js("document.querySelector('#middle .note').textContent").startswith("10,002 values")
    browser.js("location.hash = '#graph/frame/optimised/block24/step1249'")
    browser.wait("document.querySelector('#outline .row[aria-selected=true]')?.innerText.includes('step1249')")
    browser.js("location.hash = '#graph/value/optimised/tanh1249'")
    browser.wait("document.querySelector('#details h2').textContent === '%tanh1249'")
    browser.wait("document.querySelector('#outline .row[aria-selected=true]')?.innerText.includes('tanh1249')")
    browser.key("o")
    browser.wait("document.querySelector('#outline .list > div').clientHeight > 200000")
    assert browser.js("document.querySelectorAll('#outline .row').length") < 100  # only those that are seen
    assert browser.errors == []
