/** What every test begins with: an empty page and an empty storage. */
import { cleanup } from "@testing-library/react";
import { afterEach } from "vitest";

afterEach(() => {
  cleanup();
  localStorage.clear();
});

// Every document that Django serves has a doctype; happy-dom does not say so, and KaTeX asks.
Object.defineProperty(document, "compatMode", { value: "CSS1Compat" });
