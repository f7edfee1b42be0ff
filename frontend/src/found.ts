/** The words that were searched for, in an element of the page: found as the server finds them, and marked. */

const MARK = "found"; // ::highlight(found) in base.css
const WORD = /[\p{L}\p{N}\p{M}]+/gu;
const NOT_SAID = "h2, button, figcaption"; // of a message

/** Without case and accents. */
function plain(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}

/** Where words of what was said begin with one of those of the query. */
export function wordsIn(element: Element, query: string): Range[] {
  const wanted = plain(query).match(WORD) ?? [];
  const texts = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  const ranges: Range[] = [];
  for (let text = texts.nextNode(); text !== null; text = texts.nextNode()) {
    if (text.parentElement?.closest(NOT_SAID)) continue;
    for (const { 0: word, index } of (text.textContent ?? "").matchAll(WORD)) {
      if (!wanted.some((each) => plain(word).startsWith(each))) continue;
      const range = document.createRange();
      range.setStart(text, index);
      range.setEnd(text, index + word.length);
      ranges.push(range);
    }
  }
  return ranges;
}

/** Mark them for as long as the element holds the focus, however it is drawn anew. Returns the first of them. */
export function markWords(element: Element, query: string): Range | null {
  const ranges = wordsIn(element, query);
  if (!("highlights" in CSS)) return ranges[0] ?? null;
  const draw = () => CSS.highlights.set(MARK, new Highlight(...wordsIn(element, query)));
  const drawn = new MutationObserver(draw);
  drawn.observe(element, { childList: true, subtree: true, characterData: true });
  element.addEventListener(
    "focusout",
    () => {
      drawn.disconnect();
      CSS.highlights.delete(MARK);
    },
    { once: true },
  );
  draw();
  return ranges[0] ?? null;
}
