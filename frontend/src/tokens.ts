/** About how many tokens a text is, by the server's own rule of thumb (gptj/tokens.py): rather too many than too few. */

const STRETCH =
  /(?<word>[A-Z]?[a-z]+|[A-Z]+)(?![A-Za-z0-9])|(?<mixed>[A-Za-z0-9]+)|(?<spaces> +)|(?<beyond>[^\p{ASCII}]+)|(?<other>[\s\S])/gu;
const bytes = new TextEncoder();

export function estimateTokens(text: string): number {
  let tokens = 0;
  for (const { 0: stretch, groups } of text.matchAll(STRETCH)) {
    if (groups?.word !== undefined)
      tokens += Math.ceil(stretch.length / (stretch === stretch.toUpperCase() ? 2 : 3));
    else if (groups?.spaces !== undefined) tokens += Math.floor(stretch.length / 2);
    else tokens += bytes.encode(stretch).length;
  }
  return tokens;
}
