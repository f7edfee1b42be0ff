/** Which conversation the address names: `/` none, `/c/<id>` one. */
import { useCallback, useSyncExternalStore } from "react";

const CHANGED = "page:navigated";

export function sessionOf(path: string): string | null {
  return /^\/c\/([^/]+)\/?$/.exec(path)?.[1] ?? null;
}

export function pathOf(session: string | null): string {
  return session === null ? "/" : `/c/${session}`;
}

function subscribe(changed: () => void): () => void {
  window.addEventListener("popstate", changed);
  window.addEventListener(CHANGED, changed);
  return () => {
    window.removeEventListener("popstate", changed);
    window.removeEventListener(CHANGED, changed);
  };
}

export type Navigate = (session: string | null) => void;

export function useRoute(): [string | null, Navigate] {
  const session = useSyncExternalStore(subscribe, () => sessionOf(location.pathname));
  const navigate = useCallback<Navigate>((next) => {
    if (pathOf(next) === location.pathname) return;
    history.pushState(null, "", pathOf(next));
    window.dispatchEvent(new Event(CHANGED));
  }, []);
  return [session, navigate];
}
