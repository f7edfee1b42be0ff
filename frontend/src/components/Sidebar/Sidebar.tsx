/** The side of the page: a new conversation, those there are, and the page's own settings. */
import { t } from "../../i18n";
import type { Session } from "../../protocol";
import type { Sessions } from "../../useSessions";
import { Button } from "../Button/Button";
import { SessionList } from "../SessionList/SessionList";
import { ThemeChoice } from "../ThemeChoice/ThemeChoice";
import { Undo } from "../Undo/Undo";
import styles from "./Sidebar.module.css";

export interface SidebarProps {
  readonly sessions: Sessions;
  readonly current: string | null;
  readonly name: string | null;
  readonly onOpen: (session: string | null) => void;
  readonly onRemove: (session: Session) => void;
  readonly onUndo: () => void;
  readonly onSearch: () => void;
  readonly onHelp: () => void;
  readonly onVisitor: () => void;
  /** Where it lies over the page and can be put away. */
  readonly onClose?: (() => void) | undefined;
}

export function Sidebar({
  sessions,
  current,
  name,
  onOpen,
  onRemove,
  onUndo,
  onSearch,
  onHelp,
  onVisitor,
  onClose,
}: SidebarProps) {
  return (
    <nav className={styles.sidebar} aria-label={t.sidebar.title}>
      <div className={styles.head}>
        <span className={styles.brand}>{t.app}</span>
        {onClose !== undefined && <Button icon="close" label={t.sidebar.close} onClick={onClose} />}
      </div>
      <div className={styles.deeds}>
        <Button look="outlined" icon="plus" onClick={() => onOpen(null)}>
          {t.sidebar.start}
        </Button>
        <Button look="outlined" icon="search" label={t.search.title} onClick={onSearch} />
      </div>
      <SessionList sessions={sessions} current={current} onOpen={onOpen} onRemove={onRemove} />
      {sessions.removed !== null && <Undo session={sessions.removed} onUndo={onUndo} />}
      <div className={styles.foot}>
        {name !== null && (
          <Button small onClick={onVisitor}>
            {t.sidebar.visitor(name)}
          </Button>
        )}
        <div className={styles.deeds}>
          <ThemeChoice />
          <Button small icon="keys" label={t.shortcuts.title} onClick={onHelp} />
        </div>
      </div>
    </nav>
  );
}
