/** The connection's state in words: nothing while all is well. */
import { useEffect, useState } from "react";
import type { Connection } from "../../connection";
import { t } from "../../i18n";
import { useOnline } from "../../useOnline";
import { Button } from "../Button/Button";
import styles from "./ConnectionLine.module.css";

export interface ConnectionLineProps {
  readonly connection: Connection;
  readonly onReconnect: () => void;
}

const PATIENCE_MS = 1_500; // a short break needs no words

/** True once it has been so for a while. */
function useLasting(now: boolean): boolean {
  const [lasting, setLasting] = useState(false);
  useEffect(() => {
    if (!now) return setLasting(false);
    const timer = setTimeout(() => setLasting(true), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, [now]);
  return now && lasting;
}

/** Why the server will not have this connection, by its close code. */
export function closedWords(code: number): string {
  return t.connection.closed[code] ?? t.connection.closedOther;
}

function words(connection: Connection, online: boolean, lasting: boolean): string | null {
  if (connection.state === "closed") return closedWords(connection.code);
  if (!online) return t.connection.offline;
  if (connection.state === "open" || !lasting) return null;
  if (connection.state === "connecting") return t.connection.connecting;
  return connection.restarting ? t.connection.restarting : t.connection.waiting;
}

export function ConnectionLine({ connection, onReconnect }: ConnectionLineProps) {
  const online = useOnline();
  const lasting = useLasting(connection.state !== "open");
  const said = words(connection, online, lasting);
  const again = connection.state === "waiting" || (connection.state === "closed" && connection.code === 4504);
  return (
    <div
      role="status"
      className={styles.line}
      data-state={connection.state}
      data-shown={said !== null || undefined}
    >
      {said}
      {said !== null && again && (
        <Button small onClick={onReconnect}>
          {t.connection.now}
        </Button>
      )}
    </div>
  );
}
