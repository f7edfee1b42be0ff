/** The conversation as it stands: its messages, what is on its way, and the line where the model's memory begins. */
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { branch, type Conversation as Held, replyInTheMaking, type Unsent } from "../../conversation";
import { t } from "../../i18n";
import type { Message, Model } from "../../protocol";
import type { Deeds } from "../../useConversation";
import { useNear } from "../../useNear";
import { type Target, useReveal } from "../../useReveal";
import { useStickToBottom } from "../../useStickToBottom";
import { Asked } from "../Asked/Asked";
import { Button } from "../Button/Button";
import { Reply } from "../Reply/Reply";
import { type Row, Rows, type RowsHandle } from "../Rows/Rows";
import { UnsentTurn } from "../UnsentTurn/UnsentTurn";
import styles from "./Conversation.module.css";

export interface ConversationProps {
  readonly conversation: Held;
  readonly connected: boolean;
  /** It will never be opened. */
  readonly absent: boolean;
  readonly deeds: Deeds;
  readonly models: readonly Model[];
  readonly limit: number;
  /** Nothing can be added to it. */
  readonly readOnly: boolean;
  readonly onTakeBack: (text: string) => void;
  /** A message to be brought into view. */
  readonly target: Target | null;
  readonly onRevealed: () => void;
}

/** The oldest message that the model saw when it wrote the latest reply. */
function memoryBegins(messages: readonly Message[]): string | null {
  return messages.findLast((message) => message.context !== null)?.context?.first ?? null;
}

function authorOf(message: Message, models: readonly Model[]): string {
  return models.find(({ alias }) => alias === message.model)?.label ?? message.model ?? "";
}

export function Conversation(props: ConversationProps) {
  const { conversation, connected, absent, deeds, models, limit, readOnly, onTakeBack, target, onRevealed } =
    props;
  const { messages, leaf, unsent, queue } = conversation;
  const shown = useMemo(() => branch(messages, leaf), [messages, leaf]);
  const { scroller, content, atEnd, toEnd, letGo } = useStickToBottom();
  const busy = readOnly || replyInTheMaking(conversation) !== null;
  const first = shown.messages[0]?.id ?? null;
  const last = shown.messages.at(-1);
  const remembered = memoryBegins(shown.messages);
  // It may see what is above all that is loaded; then no line is right.
  const forgotten = remembered !== first || shown.older;
  const news = useNews(`${last?.id}${last?.text.length}${unsent.length}`, atEnd);
  const rows = useRef<RowsHandle>(null);
  const reveal = useCallback(
    ({ id, words }: Target) => {
      letGo();
      rows.current?.reveal(id, words);
    },
    [letGo],
  );
  useReveal({ conversation, deeds, target, reveal, onRevealed });
  useToEndOnSend(unsent.length, toEnd);

  const messageRow = (message: Message): Row => ({
    key: message.id,
    draw: () => (
      <>
        {message.id === remembered && forgotten && <p className={styles.memory}>{t.memory.line}</p>}
        {message.role === "user" ? (
          <Asked message={message} deeds={deeds} limit={limit} busy={busy} />
        ) : (
          <Reply
            message={message}
            place={queue.get(message.id) ?? null}
            author={authorOf(message, models)}
            foreign={message.model !== null && message.model !== conversation.session?.model}
            deeds={deeds}
            last={message.id === leaf}
            busy={busy}
          />
        )}
      </>
    ),
  });
  const unsentRow = (turn: Unsent): Row => ({
    key: turn.frame.client_id,
    draw: () => (
      <UnsentTurn turn={turn} connected={connected} now={Date.now} deeds={deeds} onTakeBack={onTakeBack} />
    ),
  });

  const empty = shown.messages.length === 0 && unsent.length === 0;
  return (
    <div className={styles.frame}>
      <div
        className={styles.scroller}
        ref={scroller}
        tabIndex={0}
        role="log"
        aria-label={t.conversation.label}
      >
        <div className={styles.messages} ref={content}>
          {shown.older && conversation.sync === "done" && <Older key={first} before={first} deeds={deeds} />}
          {empty && !absent && (
            <Empty opened={conversation.session !== null && conversation.sync === "done"} />
          )}
          <Rows
            ref={rows}
            scroller={scroller}
            rows={[...shown.messages.map(messageRow), ...unsent.map(unsentRow)]}
          />
        </div>
      </div>
      {!atEnd && (
        <div className={styles.end}>
          <Button small look="outlined" icon="down" onClick={toEnd}>
            {news ? t.conversation.news : t.conversation.toEnd}
          </Button>
        </div>
      )}
    </div>
  );
}

function Empty({ opened }: { readonly opened: boolean }) {
  return <p className={styles.empty}>{opened ? t.conversation.empty : t.conversation.opening}</p>;
}

/** Something came since the reader left the end. */
function useNews(state: string, atEnd: boolean): boolean {
  const [left, setLeft] = useState(state);
  if (atEnd && left !== state) setLeft(state);
  return !atEnd && left !== state;
}

/** What the person sends is shown, wherever they were reading. */
function useToEndOnSend(unsent: number, toEnd: () => void): void {
  const before = useRef(unsent);
  useEffect(() => {
    if (unsent > before.current) toEnd();
    before.current = unsent;
  }, [unsent, toEnd]);
}

/** Loads what is above when it comes near. */
function Older({ before, deeds }: { readonly before: string | null; readonly deeds: Deeds }) {
  const [state, setState] = useState<"idle" | "loading" | "failed">("idle");
  const mark = useRef<HTMLDivElement>(null);
  const load = () => {
    setState("loading");
    deeds.loadOlder(before).then(
      () => setState("idle"),
      () => setState("failed"),
    );
  };
  useNear(mark, "600px 0px 0px", load);
  return (
    <div className={styles.older} ref={mark}>
      {state === "failed" && <span role="alert">{t.conversation.olderFailed}</span>}
      {state === "loading" ? (
        <span>{t.loading}</span>
      ) : (
        <Button small onClick={load}>
          {t.conversation.older}
        </Button>
      )}
    </div>
  );
}
