/** Which addresses of a model's or a person's text may become links. */

const SCHEMES: readonly string[] = ["http:", "https:", "mailto:"];

/** The address as it may stand in a link; null for every scheme but http, https and mailto, and for relative ones. */
export function safeAddress(address: string): string | null {
  try {
    const url = new URL(address);
    return SCHEMES.includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}
