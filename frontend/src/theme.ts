/** Light, dark or as the system: kept in a cookie, so that the server draws the right one from the first byte. */
import { cookie } from "./api";

export type Theme = "system" | "light" | "dark";

const YEAR_S = 31_536_000;

export function readTheme(): Theme {
  const kept = cookie("theme");
  return kept === "light" || kept === "dark" ? kept : "system";
}

export function chooseTheme(theme: Theme): void {
  // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is missing on plain HTTP
  document.cookie = `theme=${theme}; path=/; max-age=${theme === "system" ? 0 : YEAR_S}; samesite=lax`;
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}
