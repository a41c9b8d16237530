"""The web page in a real browser (Chromium, without a window): what people do with it, with the mouse and without.
Screenshots stay in build/web."""
import glob
import json
import os
import shutil
import sys
import traceback

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cases"))
from harness import BUILD, SOURCE, Server  # noqa: E402

try:
    import axe_playwright_python
    from playwright.sync_api import sync_playwright
except ImportError as missing:
    print("the Python packages playwright and axe-playwright-python are not there:", missing)
    sys.exit(77)

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PICTURES = os.path.join(BUILD, "web")
DOCUMENTS = [
    {"id": "bread-de", "lang": "de", "title": "Brot", "text": "Brotteig geht über Nacht im Kühlschrank auf.", "metadata": {"kind": "food"}},
    {"id": "bread-en", "lang": "en", "title": "Bread", "text": "The oven is old. Bread dough rises overnight in the fridge.", "metadata": {"kind": "food"}},
    {"id": "bread-ar", "lang": "ar", "title": "خبز", "text": "يتخمر عجين الخبز طوال الليل في الثلاجة.", "metadata": {"kind": "food"}},
    {"id": "bread-he", "lang": "he", "title": "לחם", "text": "בצק הלחם תופח במקרר במשך הלילה.", "metadata": {"kind": "food"}},
    {"id": "train-en", "lang": "en", "title": "Delay <b>bold</b>", "text": "The night train to Vienna is late. <img src=x onerror=alert(1)>",
     "metadata": {"kind": "travel"}},
    {"id": "train-fr", "lang": "fr", "title": "Retard", "text": "Le train de nuit pour Vienne a du retard.", "metadata": {"kind": "travel"}},
    {"id": "train-ja", "lang": "ja", "title": "遅延", "text": "ウィーン行きの夜行列車が遅れています。", "metadata": {"kind": "travel"}},
]


def until(page, condition):
    """Waits; an arrow function, since the page's policy forbids eval."""
    page.wait_for_function("() => " + condition)


class Page:
    """A tab that remembers what went wrong in it."""

    def __init__(self, browser, server, **context):
        self.context = browser.new_context(viewport={"width": 1280, "height": 860}, **context)
        self.page = self.context.new_page()
        self.page.set_default_timeout(180_000)  # nothing here depends on how fast the machine is
        self.url = f"http://127.0.0.1:{server.port}/"
        self.problems, self.bytes, self.foreign = [], {}, []
        self.page.on("console", lambda m: self.problems.append(m.text) if m.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda e: self.problems.append(str(e)))
        self.page.on("response", self.count)
        self.page.on("request", lambda r: None if r.url.startswith((self.url, "blob:")) else self.foreign.append(r.url))

    def count(self, response):
        path = response.url[len(self.url):]
        if path == "" or path.startswith(("?", "web/")):
            self.bytes[path] = int(response.headers.get("content-length", 0))

    def go(self, rest=""):
        self.page.goto(self.url + rest)
        self.page.wait_for_selector("#about:not(:empty)")
        return self.page

    def hits(self):
        return [self.page.inner_text(f"#hits li:nth-child({i + 1}) h2") for i in range(self.page.locator("#hits > li").count())]

    def ask(self, text):
        self.page.fill("#query", text)
        until(self.page, "document.querySelectorAll('#hits > li').length > 0")
        until(self.page, "!/…$/.test(document.getElementById('state').textContent)")

    def picture(self, name):
        self.page.screenshot(path=os.path.join(PICTURES, name + ".png"))

    def accessible(self, where):
        source = os.path.join(os.path.dirname(axe_playwright_python.__file__), "axe.min.js")
        with open(source, encoding="utf-8") as file:
            self.page.evaluate(file.read())
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
        assert not found, where + ": " + json.dumps([(v["id"], [n["html"] for n in v["nodes"]][:3]) for v in found], indent=1)

    def close(self, expected=()):
        problems = [p for p in self.problems if not any(e in p for e in expected)]
        assert not problems, problems
        assert not self.foreign, self.foreign
        self.context.close()


def searching(browser, server):
    tab = Page(browser, server)
    page = tab.go()
    assert "any language" in page.inner_text("#state")
    tab.ask("dough in the fridge")
    assert set(tab.hits()[:4]) == {"Brot", "Bread", "خبز", "לחם"}, tab.hits()
    assert "answers in" in page.inner_text("#state")
    page.wait_for_selector("#hits mark.meaning")
    assert page.locator("#hits mark.meaning").all_inner_texts() == ["Bread dough rises overnight in the fridge."]
    tab.picture("search")
    tab.accessible("answers")

    # Text of documents is text: no element comes out of it.
    tab.ask("late night train")
    assert "Delay <b>bold</b>" in tab.hits()
    assert page.locator("#hits b, #hits img").count() == 0

    # Right-to-left text runs in its own direction.
    direction = page.evaluate("[...document.querySelectorAll('#hits .passage')].filter(p => /[\\u0590-\\u06ff]/.test(p.textContent)).map(p => [p.dir, p.matches(':dir(rtl)')])")
    assert direction and all(d == ["auto", True] for d in direction), direction

    # Filters: a language, then a field as well.
    page.check("#filters input[value=fr]")
    until(page, "document.querySelectorAll('#hits > li').length === 1")
    assert tab.hits() == ["Retard"]
    page.select_option("#filters select", label="food (4)")
    until(page, "document.querySelectorAll('#hits > li').length === 0")
    assert "filters" in page.inner_text("#state")
    page.click("#filters button")
    until(page, "document.querySelectorAll('#hits > li').length > 3")

    # The address says it all: another tab shows the same.
    page.check("#filters input[value=en]")
    page.check("#modes input[value=hybrid]")
    until(page, "location.hash.includes('mode=hybrid')")
    until(page, "document.querySelectorAll('#hits > li').length === 2")
    other = Page(browser, server)
    other.go(page.url[len(tab.url):])
    other.page.wait_for_selector("#hits li")
    assert other.hits() == tab.hits() and other.page.input_value("#query") == "late night train"
    other.close()

    page.click("#hits li:first-child button:has-text('Numbers')")
    assert "cosine" in page.inner_text("#hits li:first-child .numbers")
    tab.close()
    total = sum(tab.bytes.values())
    assert 10_000 < total < 100_000, tab.bytes
    print(f"the page weighs {total / 1000:.1f} kB in {len(tab.bytes)} files")


def reading(browser, server):
    tab = Page(browser, server)
    page = tab.go("#q=train")
    page.wait_for_selector("#hits li")
    page.click("#hits li:first-child .title")
    page.wait_for_selector("#reader-text mark")
    assert "Vienn" in page.inner_text("#reader-text") or "ウィーン" in page.inner_text("#reader-text")
    tab.accessible("reader")
    tab.picture("reader")
    page.keyboard.press("Escape")
    assert not page.is_visible("#reader")
    page.click("#hits li:first-child a:has-text('More like this')")
    page.wait_for_selector("#like:not([hidden])")
    until(page, "document.querySelectorAll('#hits > li').length > 1")
    assert page.inner_text("#like bdi") not in [page.inner_text(".where >> nth=0")], "a document is not like itself"
    page.go_back()
    page.wait_for_selector("#like", state="hidden")
    tab.close()


def stale_answers(browser, server):
    """The answer to an older question comes late and is dropped; there is one request at a time."""
    tab = Page(browser, server)
    page = tab.go()
    running, most, bodies = [0], [0], []

    def slow(route):
        running[0] += 1
        most[0] = max(most[0], running[0])
        bodies.append(route.request.post_data_json["query"])
        response = route.fetch()
        page.wait_for_timeout(300)
        running[0] -= 1
        route.fulfill(response=response)

    page.route("**/search", slow)
    page.locator("#query").press_sequentially("night train", delay=40)
    until(page, "document.querySelectorAll('#hits > li').length > 0")
    page.wait_for_timeout(500)
    assert bodies[-1] == "night train" and len(bodies) < len("night train"), bodies
    assert most[0] == 1
    tab.close()


def keyboard(browser, server):
    tab = Page(browser, server)
    page = tab.go()
    page.keyboard.press("/")
    page.keyboard.type("bread")
    page.wait_for_selector("#hits li")
    page.wait_for_timeout(300)
    page.keyboard.press("ArrowDown")
    first = page.evaluate("document.activeElement.textContent")
    assert first == tab.hits()[0], first
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.textContent") == tab.hits()[1]
    page.keyboard.press("Enter")
    page.wait_for_selector("#reader[open]")
    page.keyboard.press("Escape")
    page.wait_for_selector("#reader", state="hidden")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.id") == "query"
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
    assert {"INPUT", "A", "BUTTON"} <= reached, reached
    tab.close()


def looks(browser, server):
    dark = Page(browser, server, color_scheme="dark")
    page = dark.go("#q=bread")
    page.wait_for_selector("#hits li")
    ink = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(ink) == "rgb(21, 24, 28)", page.evaluate(ink)
    dark.accessible("dark")
    dark.picture("dark")
    page.click("#theme")  # light, whatever the system says
    assert page.evaluate(ink) == "rgb(251, 250, 248)"
    page.reload()
    page.wait_for_selector("#hits li")
    assert page.evaluate(ink) == "rgb(251, 250, 248)"
    dark.close()
    narrow = Page(browser, server)
    page = narrow.go("#q=bread")
    page.set_viewport_size({"width": 390, "height": 800})
    page.wait_for_selector("#hits li")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    narrow.picture("narrow")
    narrow.close()


def mapping(browser, server):
    tab = Page(browser, server)
    page = tab.go("#view=map")
    until(page, "document.getElementById('map-state').textContent.includes('passages')")
    assert page.inner_text("#map-state") == f"{len(DOCUMENTS)} passages"
    assert "English" in page.inner_text("#legend")
    painted = "(() => { const c = document.getElementById('canvas'); return new Set(new Uint32Array(c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer)).size; })()"
    until(page, painted + " > 3")
    page.select_option("#map-colour", "kind")
    until(page, "document.getElementById('legend').textContent.includes('travel')")
    tab.accessible("map")
    tab.picture("map")
    page.fill("#map-find", "train")
    page.keyboard.press("Enter")
    until(page, "document.getElementById('map-state').textContent.includes('found')")
    page.click("#map-lasso")
    box = page.locator("#canvas").bounding_box()
    right, bottom = box["width"] - 8, box["height"] - 8
    corners = [(8, 8), (right, 8), (right, bottom), (8, bottom)]
    page.mouse.move(box["x"] + 8, box["y"] + 8)
    page.mouse.down()
    for x, y in corners[1:] + corners[:1]:
        page.mouse.move(box["x"] + x, box["y"] + y, steps=4)
    page.mouse.up()
    page.wait_for_selector("#picked:not([hidden])")
    assert page.locator("#picked-list li").count() == len(DOCUMENTS)
    downloads = []
    page.on("download", lambda d: downloads.append(d))
    page.click("#map-export")
    until(page, "document.getElementById('map-state').textContent.includes('vectors.tsv')")
    while len(downloads) < 2:
        page.wait_for_timeout(50)
    tables = {d.suggested_filename: open(d.path(), encoding="utf-8").read().splitlines() for d in downloads}
    header, *facts = [line.split("\t") for line in tables["metadata.tsv"]]
    assert header == ["id", "title", "lang", "text", "kind"] and sorted(f[0] for f in facts) == sorted(d["id"] for d in DOCUMENTS), tables
    for fact, line in zip(facts, tables["vectors.tsv"]):
        vector = [float(x) for x in line.split("\t")]
        assert len(vector) == 512 and abs(sum(x * x for x in vector) - 1) < 1e-4
        text = next(d["text"] for d in DOCUMENTS if d["id"] == fact[0])
        assert fact[3] == text, fact
    tab.close()


def adding(browser, server):
    tab = Page(browser, server)
    page = tab.go("#view=collections")
    page.wait_for_selector("#status table")
    assert "default" in page.inner_text("#status")
    tab.accessible("collections")
    page.set_input_files("#files", [{"name": "note.txt", "mimeType": "text/plain", "buffer": "Der Zug hat Verspätung.".encode()},
                                    {"name": "picture.txt", "mimeType": "text/plain", "buffer": b"\xff\xfe\x00\x01"}])
    until(page, "document.querySelectorAll('#added li').length === 2")
    until(page, "!document.getElementById('added').textContent.includes('…')")
    said = page.inner_text("#added")
    assert "note.txt: created" in said and "picture.txt: not read" in said, said
    tab.picture("collections")
    status, _ = server.call("GET", "/v1/collections/default/documents/note.txt")
    assert status == 200
    server.call("DELETE", "/v1/collections/default/documents/note.txt")
    tab.close()


def offline(browser, server):
    tab = Page(browser, server)
    page = tab.go()
    tab.context.set_offline(True)
    page.fill("#query", "bread")
    until(page, "document.getElementById('state').textContent.includes('does not answer')")
    tab.context.set_offline(False)
    tab.ask("bread dough")
    tab.close(expected=["ERR_INTERNET_DISCONNECTED"])


def keys(browser):
    """A server with keys asks for one and says what is wrong with a bad one."""
    import subprocess
    import tempfile
    folder = tempfile.mkdtemp(prefix="cognate-test-")
    path = os.path.join(folder, "keys")
    made = subprocess.run([os.path.join(BUILD, "cognate"), "key", "create", path], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    key = made.stdout.strip()
    with Server("--keys", path) as server:
        tab = Page(browser, server)
        tab.page.goto(tab.url)
        tab.page.wait_for_selector("#key-dialog[open]")
        tab.accessible("key")
        tab.page.fill("#key", key)
        tab.page.click("#key-form button")
        tab.page.wait_for_selector("#about:not(:empty)")
        tab.close(expected=["401"])
    shutil.rmtree(folder)


def main():
    if CHROMIUM is None:
        print("there is no Chromium here")
        sys.exit(77)
    os.makedirs(PICTURES, exist_ok=True)
    for old in glob.glob(os.path.join(PICTURES, "*.png")):
        os.remove(old)
    with Server() as server, sync_playwright() as playwright:
        status, answer = server.call("POST", "/v1/collections/default/documents", DOCUMENTS)
        assert status == 200 and answer["failed"] == 0, answer
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        failed = []
        for test in (searching, reading, stale_answers, keyboard, looks, mapping, adding, offline, keys):
            try:
                test(browser, *([] if test is keys else [server]))
                print("passed:", test.__name__)
            except Exception:  # the others are still of interest
                failed.append(test.__name__)
                traceback.print_exc()
        browser.close()
    if failed:
        sys.exit("failed: " + ", ".join(failed))


if __name__ == "__main__":
    main()
