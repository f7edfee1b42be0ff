/** What the person said: as it was typed, to be copied or said otherwise. */
import { memo, useEffect, useRef, useState } from "react";
import { t } from "../../i18n";
import type { Message } from "../../protocol";
import type { Deeds } from "../../useConversation";
import { Button } from "../Button/Button";
import { CopyButton } from "../CopyButton/CopyButton";
import { EditField } from "../EditField/EditField";
import { Unseen } from "../Unseen/Unseen";
import { Versions } from "../Versions/Versions";
import styles from "./Asked.module.css";

export interface AskedProps {
  readonly message: Message;
  readonly deeds: Deeds;
  readonly limit: number;
  readonly busy: boolean;
}

export const Asked = memo(function Asked({ message, deeds, limit, busy }: AskedProps) {
  const [editing, setEditing] = useState(false);
  const tools = useRef<HTMLDivElement>(null);
  const edited = useRef(false);
  useEffect(() => {
    // The focus goes back to where the edit began.
    if (edited.current && !editing)
      tools.current?.querySelector<HTMLElement>(":scope > button:last-of-type")?.focus();
    edited.current = editing;
  }, [editing]);
  if (editing) {
    return (
      <EditField
        label={t.asked.editLabel}
        text={message.text}
        limit={limit}
        busy={busy}
        onCancel={() => setEditing(false)}
        onSave={(text) => {
          setEditing(false);
          if (text !== message.text) deeds.edit(message.id, text);
        }}
      />
    );
  }
  return (
    <article className={styles.asked}>
      <Unseen>
        <h2>{t.conversation.you}</h2>
      </Unseen>
      <div className={styles.text} dir="auto">
        {message.text}
      </div>
      <div className={styles.tools} ref={tools}>
        <CopyButton text={message.text} />
        <Button small icon="pencil" label={t.asked.edit} disabled={busy} onClick={() => setEditing(true)} />
        <Versions message={message} onSelect={deeds.select} />
      </div>
    </article>
  );
});
