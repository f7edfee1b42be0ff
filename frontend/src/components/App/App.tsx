/** The whole page: the list at the side, and in the middle a conversation or the start of one. */
import { lazy, useCallback, useRef, useState } from "react";
import { t } from "../../i18n";
import type { Failure, Hit, ServerFrame, Session } from "../../protocol";
import { useRoute } from "../../route";
import type { Beginning } from "../../start";
import { chooseTheme, THEMES, type Theme } from "../../theme";
import { useMe } from "../../useMe";
import { useOnline } from "../../useOnline";
import type { Target } from "../../useReveal";
import { useSessions } from "../../useSessions";
import { useShortcuts } from "../../useShortcuts";
import { Button } from "../Button/Button";
import { Chat } from "../Chat/Chat";
import { Drawer } from "../Drawer/Drawer";
import { Notice } from "../Notice/Notice";
import type { SearchProps } from "../Search/Search";
import { SearchField } from "../SearchField/SearchField";
import { Sidebar } from "../Sidebar/Sidebar";
import { Start } from "../Start/Start";
import { Undo } from "../Undo/Undo";
import type { VisitorProps } from "../Visitor/Visitor";
import styles from "./App.module.css";

const Search = lazy(() => import("../Search/Search"));
const Visitor = lazy(() => import("../Visitor/Visitor"));
const Shortcuts = lazy(() => import("../Shortcuts/Shortcuts"));

export interface AppProps {
  /** Make a conversation with its first message; resolves to its id, or to what went wrong. */
  readonly begin: (beginning: Beginning) => Promise<{ id: string } | Failure>;
  readonly search: SearchProps["onSearch"];
  /** Delete all that is the visitor's and begin anew; resolves to what went wrong. */
  readonly forget: VisitorProps["onRemove"];
}

export function App({ begin, search, forget }: AppProps) {
  const [current, navigate] = useRoute();
  const { me, failed, load, hear: hearMe } = useMe(current !== null);
  const sessions = useSessions(me?.visitor != null);
  const [panel, setPanel] = useState<"list" | "search" | "help" | "visitor" | null>(null);
  const [target, setTarget] = useState<Target | null>(null);
  const wasOpen = useRef(false); // what was deleted last
  const typed = useRef(""); // into the search, while it still loads
  const revealed = useCallback(() => setTarget(null), []);
  const { hear: hearSessions } = sessions;
  const hear = useCallback(
    (frame: ServerFrame) => {
      hearMe(frame);
      hearSessions(frame);
    },
    [hearMe, hearSessions],
  );
  const open = (session: string | null) => {
    setPanel(null);
    navigate(session);
  };
  const close = () => setPanel(null);
  const openSearch = () => {
    typed.current = "";
    setPanel("search");
  };
  const keepTyped = (wish: string) => {
    typed.current = wish;
  };
  useShortcuts({
    start: () => open(null),
    search: openSearch,
    help: () => setPanel("help"),
  });
  if (me === null) return <Waiting failed={failed} onAgain={load} />;

  const pick = ({ session, message: { id, n } }: Hit, words: string) => {
    setTarget({ id, n, words });
    open(session.id);
  };
  const beginHere = async (beginning: Beginning): Promise<Failure | null> => {
    const result = await begin(beginning);
    if (!("id" in result)) return result;
    if (me.visitor === null) load();
    open(result.id);
    return null;
  };
  const remove = (session: Session) => {
    wasOpen.current = session.id === current;
    sessions.remove(session);
    if (wasOpen.current) open(null);
  };
  const undo = () => {
    sessions.undo();
    if (sessions.removed !== null && wasOpen.current && current === null) open(sessions.removed.id);
  };
  const name = me.visitor?.name ?? null;
  const side = {
    sessions,
    current,
    name,
    onOpen: open,
    onRemove: remove,
    onUndo: undo,
    onSearch: openSearch,
    onHelp: () => setPanel("help"),
    onVisitor: () => setPanel("visitor"),
  };
  const commands = () => [
    { key: "start", words: t.sidebar.start, run: () => open(null) },
    { key: "keys", words: t.shortcuts.title, run: () => setPanel("help") },
    ...(name === null ? [] : [{ key: "visitor", words: t.visitor.title, run: () => setPanel("visitor") }]),
    ...THEMES.map((theme) => ({
      key: theme,
      words: t.theme.choose(t.theme[theme]),
      run: () => appear(theme),
    })),
    ...sessions.items.map(({ id, title }) => ({
      key: id,
      words: title || t.sidebar.untitled,
      run: () => open(id),
    })),
  ];
  const appear = (theme: Theme) => {
    chooseTheme(theme);
    close();
  };
  const lead = (
    <span className={styles.lead}>
      <Button icon="menu" label={t.sidebar.open} onClick={() => setPanel("list")} />
    </span>
  );
  return (
    <div className={styles.page}>
      <a className={styles.skip} href="#message">
        {t.skip}
      </a>
      <div className={styles.side}>
        <Sidebar {...side} />
      </div>
      {current === null ? (
        <Start name={name} models={me.models} limits={me.limits} lead={lead} onBegin={beginHere} />
      ) : (
        <Chat
          key={current}
          session={current}
          models={me.models}
          limits={me.limits}
          onFrame={hear}
          lead={lead}
          target={target}
          onRevealed={revealed}
          onChange={sessions.change}
          onStartAnew={() => open(null)}
        />
      )}
      {panel === "list" && (
        <Drawer label={t.sidebar.title} side="start" onClose={close}>
          <Sidebar {...side} onClose={close} />
        </Drawer>
      )}
      {panel === "search" && (
        <Drawer
          label={t.search.title}
          side="middle"
          onClose={close}
          meanwhile={<SearchField onChange={keepTyped} onClose={close} />}
        >
          <Search
            commands={commands()}
            onSearch={search}
            onPick={pick}
            begun={() => typed.current}
            onClose={close}
          />
        </Drawer>
      )}
      {panel === "help" && (
        <Drawer label={t.shortcuts.title} side="middle" onClose={close}>
          <Shortcuts onClose={close} />
        </Drawer>
      )}
      {panel === "visitor" && name !== null && (
        <Drawer label={t.visitor.title} side="middle" onClose={close}>
          <Visitor name={name} onRemove={forget} onClose={close} />
        </Drawer>
      )}
      {sessions.removed !== null && panel !== "list" && (
        <div className={styles.undo}>
          <Undo session={sessions.removed} onUndo={undo} />
        </div>
      )}
      {sessions.failure !== null && (
        <div className={styles.failure}>
          <Notice failure={sessions.failure} onDismiss={sessions.dismiss} />
        </div>
      )}
    </div>
  );
}

function Waiting({ failed, onAgain }: { readonly failed: boolean; readonly onAgain: () => void }) {
  const online = useOnline();
  if (!failed) return <main className={styles.waiting} aria-busy="true" aria-label={t.loading} />;
  return (
    <main className={styles.waiting}>
      <h1>{t.app}</h1>
      <p role="alert">{online ? t.errors.unreachable : t.connection.offlineStart}</p>
      <Button look="outlined" onClick={onAgain}>
        {t.tryAgain}
      </Button>
    </main>
  );
}
