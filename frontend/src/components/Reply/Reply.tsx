/** A reply: its text as it grows, what became of it, and what can be done with it. */
import { lazy, memo, Suspense, useState } from "react";
import { isMaking, type QueuePlace } from "../../conversation";
import { inWords, t } from "../../i18n";
import { wait } from "../../i18n/format";
import type { Message } from "../../protocol";
import type { Deeds } from "../../useConversation";
import { Button } from "../Button/Button";
import { CopyButton } from "../CopyButton/CopyButton";
import { Details } from "../Details/Details";
import { Thumbs } from "../Thumbs/Thumbs";
import { Unseen } from "../Unseen/Unseen";
import { Versions } from "../Versions/Versions";
import styles from "./Reply.module.css";

const Markdown = lazy(() => import("../Markdown/Markdown"));

export interface ReplyProps {
  readonly message: Message;
  readonly place: QueuePlace | null;
  /** The name of the model that made it. */
  readonly author: string;
  /** Another model than the conversation's wrote it. */
  readonly foreign: boolean;
  readonly deeds: Deeds;
  /** Nothing stands below it, so that it can be made again in place. */
  readonly last: boolean;
  /** Some reply of this conversation is being made. */
  readonly busy: boolean;
}

export const Reply = memo(function Reply(props: ReplyProps) {
  const { message, author, place } = props;
  const making = isMaking(message);
  return (
    <article className={styles.reply} data-making={making || undefined} aria-busy={making}>
      <Unseen>
        <h2>{author}</h2>
      </Unseen>
      {props.foreign && <p className={styles.by}>{t.reply.by(author)}</p>}
      {message.text !== "" && (
        <Suspense
          fallback={
            <div className={styles.plain} dir="auto">
              {message.text}
            </div>
          }
        >
          <Markdown text={message.text} />
        </Suspense>
      )}
      {making ? <Progress message={message} place={place} /> : <Outcome {...props} />}
      {making ? <Others {...props} /> : <Tools {...props} />}
    </article>
  );
});

function Progress({ message, place }: Pick<ReplyProps, "message" | "place">) {
  if (message.text !== "")
    return <span className={styles.caret} role="img" aria-label={t.conversation.writing} />;
  return <p className={styles.progress}>{progressWords(message, place)}</p>;
}

function progressWords(message: Message, place: QueuePlace | null): string {
  if (message.status === "streaming") return t.conversation.thinking;
  if (place === null) return t.reply.waiting;
  return t.reply.queued(place.position, place.eta_s === null ? null : wait(place.eta_s));
}

function Outcome({ message, deeds, last, busy }: ReplyProps) {
  const words = outcomeWords(message);
  if (words === null) return null;
  const again = message.status === "failed" || message.status === "stopped";
  const cut = message.finish === "length" || message.finish === "cap";
  return (
    <p className={styles.outcome} data-status={message.status}>
      <span>{words}</span>
      {again && last && (
        <Button small look="outlined" icon="again" disabled={busy} onClick={() => deeds.retry(message)}>
          {t.reply.retry}
        </Button>
      )}
      {cut && last && (
        <Button small look="outlined" disabled={busy} onClick={() => deeds.send(t.reply.goOnText)}>
          {t.reply.goOn}
        </Button>
      )}
    </p>
  );
}

function outcomeWords({ status, text, error, finish }: Message): string | null {
  if (status === "failed") return error === null ? t.reply.failed : `${t.reply.failed} ${inWords(error)}`;
  if (status === "stopped") return text === "" ? t.reply.stoppedEmpty : t.reply.stopped;
  if (finish === "length") return t.reply.cutByModel;
  if (finish === "cap") return t.reply.cutByLimit;
  return text === "" ? t.reply.empty : null;
}

/** The way to the other versions, while this one is written. */
function Others({ message, deeds }: ReplyProps) {
  return (
    <div className={styles.tools}>
      <Versions message={message} onSelect={deeds.select} />
    </div>
  );
}

function Tools({ message, author, deeds, busy }: ReplyProps) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <div className={styles.tools}>
        <Versions message={message} onSelect={deeds.select} />
        {message.text !== "" && <CopyButton text={message.text} />}
        {message.parent !== null && (
          <Button
            small
            icon="again"
            label={t.reply.regenerate}
            disabled={busy}
            onClick={() => message.parent !== null && deeds.regenerate(message.parent)}
          />
        )}
        {message.text !== "" && (
          <Thumbs value={message.feedback} onRate={(value) => deeds.rate(message.id, value)} />
        )}
        <Button
          small
          icon="info"
          label={t.reply.details}
          aria-expanded={open}
          onClick={() => setOpen(!open)}
        />
      </div>
      {open && <Details message={message} author={author} />}
    </>
  );
}
