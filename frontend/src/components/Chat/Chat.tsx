/** One open conversation: its head, its messages, and the field to write in. */
import { lazy, type ReactNode, useEffect, useMemo, useRef, useState } from "react";
import { branch, type Conversation as Held, replyInTheMaking } from "../../conversation";
import { t } from "../../i18n";
import type { Context, Failure, Limits, Model, ServerFrame, SessionChange } from "../../protocol";
import { browserSeams, type Seams, useConversation } from "../../useConversation";
import { useExpired } from "../../useExpired";
import { useOnline } from "../../useOnline";
import type { Target } from "../../useReveal";
import { Button } from "../Button/Button";
import { Composer, type ComposerHandle } from "../Composer/Composer";
import { ConnectionLine, closedWords } from "../ConnectionLine/ConnectionLine";
import { Conversation } from "../Conversation/Conversation";
import { Drawer } from "../Drawer/Drawer";
import { Memory } from "../Memory/Memory";
import { ModelState } from "../ModelState/ModelState";
import { Notice } from "../Notice/Notice";
import { Unseen } from "../Unseen/Unseen";
import styles from "./Chat.module.css";

const Settings = lazy(() => import("../Settings/Settings"));

export interface ChatProps {
  readonly session: string;
  readonly models: readonly Model[];
  readonly limits: Limits;
  readonly onFrame: (frame: ServerFrame) => void;
  /** What stands before the title: the way to the list on a narrow screen. */
  readonly lead: ReactNode;
  /** A message to be brought into view. */
  readonly target: Target | null;
  readonly onRevealed: () => void;
  /** Resolves to what went wrong, or null. */
  readonly onChange: (session: string, change: SessionChange) => Promise<Failure | null>;
  readonly onStartAnew: () => void;
  readonly seams?: Seams;
}

/** Where one comes that skips to the message field and finds none. */
const FOCUSABLE = { id: "message", tabIndex: -1 };

export function Chat(props: ChatProps) {
  const { session, models, limits, onFrame, lead, target, onRevealed, onChange, onStartAnew } = props;
  const seams = props.seams ?? browserSeams;
  const [settings, setSettings] = useState(false);
  const closeSettings = () => setSettings(false);
  const { conversation, connection, deeds } = useConversation(session, onFrame, seams);
  const online = useOnline();
  const composer = useRef<ComposerHandle>(null);
  const making = replyInTheMaking(conversation);
  const absent = connection.state === "closed" && conversation.session === null;
  const title = conversation.session?.title || (absent ? t.conversation.noTitle : t.sidebar.untitled);
  const { messages, leaf } = conversation;
  const context = useMemo(() => latestContext(messages, leaf), [messages, leaf]);
  useEffect(() => {
    document.title = `${title} · ${t.app}`;
  }, [title]);
  useEffect(() => composer.current?.focus(), []);
  useStopKey(making === null ? null : () => deeds.stop(making));
  const expired = useExpired(conversation.session?.expires_at ?? null, seams.clock) && making === null;
  const over = expired || (connection.state === "closed" && connection.code !== 4504);

  return (
    <main className={styles.chat}>
      <header className={styles.head}>
        {lead}
        <div className={styles.title}>
          <h1>{title}</h1>
          {conversation.session !== null && <ModelState alias={conversation.session.model} models={models} />}
        </div>
        <Memory context={context} />
        <Button
          icon="sliders"
          label={t.settings.title}
          disabled={conversation.session === null}
          onClick={() => setSettings(true)}
        />
      </header>
      {absent ? (
        <section className={styles.absent} {...FOCUSABLE}>
          <p role="status">{connection.state === "closed" && closedWords(connection.code)}</p>
          <p>{t.conversation.absent}</p>
          <Button look="outlined" icon="plus" onClick={onStartAnew}>
            {t.conversation.startAnew}
          </Button>
        </section>
      ) : (
        <Conversation
          conversation={conversation}
          connected={connection.state === "open" && online}
          absent={absent}
          deeds={deeds}
          models={models}
          limit={limits.text}
          readOnly={expired}
          target={target}
          onRevealed={onRevealed}
          onTakeBack={(text) => composer.current?.insert(text)}
        />
      )}
      <footer className={styles.foot} {...(over && !absent && FOCUSABLE)}>
        {!absent && <ConnectionLine connection={connection} onReconnect={deeds.reconnect} />}
        {!absent && <Notice failure={conversation.notice} onDismiss={deeds.dismiss} />}
        {expired && (
          <div role="status" className={styles.expired}>
            <span>{t.errors.expired}</span>
            <Button small look="outlined" icon="plus" onClick={onStartAnew}>
              {t.conversation.startAnew}
            </Button>
          </div>
        )}
        {!over && (
          <Composer
            ref={composer}
            draftKey={`draft/${session}`}
            limit={limits.text}
            window={models.find(({ alias }) => alias === conversation.session?.model)?.context_window ?? null}
            said={(back) => saidBefore(conversation, back)}
            busy={making !== null}
            onSend={(text) => {
              deeds.send(text);
              return true;
            }}
            onStop={() => making !== null && deeds.stop(making)}
          />
        )}
        <p className={styles.caution}>{t.start.caution}</p>
      </footer>
      {settings && conversation.session !== null && (
        <Drawer label={t.settings.title} side="end" onClose={closeSettings}>
          <Settings
            session={conversation.session}
            models={models}
            onSave={(change) => onChange(session, change)}
            onClose={closeSettings}
          />
        </Drawer>
      )}
      <Unseen live>{making !== null && making.text !== "" ? t.conversation.writing : ""}</Unseen>
    </main>
  );
}

/** What the model was shown for the latest reply of this branch that it was shown anything for. */
function latestContext(messages: Held["messages"], leaf: Held["leaf"]): Context | null {
  return branch(messages, leaf).messages.findLast(({ context }) => context !== null)?.context ?? null;
}

/** The last but so many of what the person said on this branch; null where there is no more. */
function saidBefore({ messages, leaf }: Held, back: number): string | null {
  const said = branch(messages, leaf).messages.filter(({ role }) => role === "user");
  return said.at(-back)?.text ?? null;
}

/** Escape stops the reply, unless something nearer took the key. */
function useStopKey(stop: (() => void) | null): void {
  const current = useRef(stop);
  useEffect(() => {
    current.current = stop;
  });
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const taken = event.defaultPrevented || document.querySelector("dialog[open]") !== null;
      if (event.key === "Escape" && !taken) current.current?.();
    };
    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
  }, []);
}
