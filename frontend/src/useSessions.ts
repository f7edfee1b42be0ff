/** The visitor's conversations as a list: loaded page by page, kept fresh by frames, changed at once. */
import { useCallback, useEffect, useRef, useState } from "react";
import { ApiRefused, changeSession, deleteSession, listSessions } from "./api";
import type { Failure, ServerFrame, Session, SessionChange } from "./protocol";
import { refreshed, withoutSession, withSessions } from "./sessions";

export interface Sessions {
  readonly items: readonly Session[];
  readonly state: "loading" | "loaded" | "failed";
  readonly more: boolean;
  readonly failure: Failure | null;
  /** Deleted on this page, not yet on the server. */
  readonly removed: Session | null;
  load(): void;
  hear(frame: ServerFrame): void;
  add(session: Session): void;
  /** Resolves to what went wrong, or null. */
  change(id: string, change: SessionChange): Promise<Failure | null>;
  rename(id: string, title: string): void;
  remove(session: Session): void;
  undo(): void;
  dismiss(): void;
}

const UNDO_MS = 8_000;

function asFailure(refused: unknown): Failure {
  return refused instanceof ApiRefused ? refused : { code: "internal", detail: "" };
}

export function useSessions(wanted: boolean): Sessions {
  const [items, setItems] = useState<readonly Session[]>([]);
  const [cursor, setCursor] = useState<string | null>(null);
  const [state, setState] = useState<Sessions["state"]>("loading");
  const [failure, setFailure] = useState<Failure | null>(null);
  const removal = useRemoval((session, refused) => {
    if (refused === null || refused.code === "not_found") {
      return setItems((held) => withoutSession(held, session.id));
    }
    setItems((held) => withSessions(held, [session]));
    return setFailure(refused);
  });

  const asked = useRef(false);
  const load = useCallback(() => {
    if (asked.current) return;
    asked.current = true;
    const answer = listSessions(cursor).finally(() => {
      asked.current = false;
    });
    answer.then(
      (page) => {
        setItems((held) => withSessions(held, page.items));
        setCursor(page.next);
        setState("loaded");
      },
      (refused) => {
        setState("failed");
        setFailure(asFailure(refused));
      },
    );
  }, [cursor]);
  const first = useRef(load);
  useEffect(() => {
    if (wanted) first.current();
  }, [wanted]);

  useEffect(() => {
    const seen = () => {
      if (!wanted || document.visibilityState !== "visible") return;
      // The page may have been frozen, or had no connection that would have told it.
      listSessions(null).then(
        (page) => setItems((held) => refreshed(held, page)),
        () => undefined,
      );
    };
    document.addEventListener("visibilitychange", seen);
    return () => document.removeEventListener("visibilitychange", seen);
  }, [wanted]);

  const add = useCallback((session: Session) => setItems((held) => withSessions(held, [session])), []);
  const hear = useCallback(
    (frame: ServerFrame) => {
      if (frame.type === "session" || frame.type === "ready") add(frame.session);
      if (frame.type === "gone") setItems((held) => withoutSession(held, frame.session));
    },
    [add],
  );
  const change = useCallback(
    (id: string, wish: SessionChange) =>
      changeSession(id, wish).then((session) => {
        add(session);
        return null;
      }, asFailure),
    [add],
  );

  const rename = useCallback(
    (id: string, title: string) => {
      void change(id, { title }).then((refused) => refused && setFailure(refused));
    },
    [change],
  );

  return {
    items: removal.removed === null ? items : withoutSession(items, removal.removed.id),
    state: wanted ? state : "loaded", // who has said no name yet has no conversations
    more: cursor !== null,
    failure,
    removed: removal.removed,
    load,
    hear,
    add,
    change,
    rename,
    remove: removal.remove,
    undo: removal.undo,
    dismiss: useCallback(() => setFailure(null), []),
  };
}

interface Removal {
  readonly removed: Session | null;
  remove(session: Session): void;
  undo(): void;
}

/** Deletion that can be taken back: the server is asked after a while, or when the page is left. */
function useRemoval(settled: (session: Session, refused: Failure | null) => void): Removal {
  const [removed, setRemoved] = useState<Session | null>(null);
  const report = useRef(settled);
  useEffect(() => {
    report.current = settled;
  });
  const pending = useRef<Session | null>(null);
  const commit = useCallback(() => {
    const session = pending.current;
    if (session === null) return;
    pending.current = null;
    setRemoved(null);
    deleteSession(session.id).then(
      () => report.current(session, null),
      (refused) => report.current(session, asFailure(refused)),
    );
    report.current(session, null);
  }, []);
  useEffect(() => {
    if (removed === null) return undefined;
    const timer = setTimeout(commit, UNDO_MS);
    window.addEventListener("pagehide", commit);
    return () => {
      clearTimeout(timer);
      window.removeEventListener("pagehide", commit);
    };
  }, [removed, commit]);
  return {
    removed,
    remove: useCallback(
      (session) => {
        commit();
        pending.current = session;
        setRemoved(session);
      },
      [commit],
    ),
    undo: useCallback(() => {
      pending.current = null;
      setRemoved(null);
    }, []),
  };
}
