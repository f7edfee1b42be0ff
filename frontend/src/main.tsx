/** Puts the page into the document that Django served. */
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import "./base.css";
import { ApiRefused, deleteMe, search } from "./api";
import { App, type AppProps } from "./components/App/App";
import { Broken } from "./components/Broken/Broken";
import { t } from "./i18n";
import { begin } from "./start";
import { chooseTheme, readTheme } from "./theme";

/** A refusal as a value. */
function orRefusal<T>(call: Promise<T>): Promise<T | ApiRefused> {
  return call.catch((refused: unknown) => {
    if (refused instanceof ApiRefused) return refused;
    throw refused;
  });
}

const beginOrSay: AppProps["begin"] = (beginning) => orRefusal(begin(beginning));
const searchOrSay: AppProps["search"] = (words, cursor) => orRefusal(search(words, cursor));

/** Nothing of the visitor's stays here either: drafts and what was not sent go with the rest. */
const forget: AppProps["forget"] = async () => {
  const refused = await orRefusal(deleteMe().then(() => null));
  if (refused !== null) return refused;
  localStorage.clear();
  location.assign("/");
  return null;
};

/** Opens the page where there is no connection; its loading waits for the page's own. */
function keepShell(): void {
  if (!import.meta.env.PROD || !("serviceWorker" in navigator)) return;
  window.addEventListener("load", () => {
    navigator.serviceWorker.register("/sw.js").catch(() => undefined); // a browser may forbid it
  });
}

chooseTheme(readTheme()); // the shell that is kept may have been drawn for another
keepShell();
document.documentElement.lang = t.locale;
document.documentElement.dir = t.direction;
const root = document.getElementById("root");
if (root !== null) {
  const page = createRoot(root, {
    onUncaughtError: (error) => {
      reportError(error);
      page.render(<Broken />); // React has taken everything away
    },
  });
  page.render(
    <StrictMode>
      <App begin={beginOrSay} search={searchOrSay} forget={forget} />
    </StrictMode>,
  );
}
