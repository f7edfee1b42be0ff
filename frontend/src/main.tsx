/** Puts the page into the document that Django served. */
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import "./base.css";
import { ApiRefused } from "./api";
import { App, type AppProps } from "./components/App/App";
import { t } from "./i18n";
import { begin } from "./start";

const beginOrSay: AppProps["begin"] = (beginning) =>
  begin(beginning).catch((refused: unknown) => {
    if (refused instanceof ApiRefused) return refused;
    throw refused;
  });

document.documentElement.lang = t.locale;
const root = document.getElementById("root");
if (root !== null) {
  createRoot(root).render(
    <StrictMode>
      <App begin={beginOrSay} />
    </StrictMode>,
  );
}
