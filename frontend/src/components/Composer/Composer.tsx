/** Where one writes: it grows, keeps its draft, sends with Enter, and never loses what is typed. */
import { type KeyboardEvent, type Ref, useImperativeHandle, useRef } from "react";
import { t } from "../../i18n";
import { useDraft } from "../../useDraft";
import { Button } from "../Button/Button";
import styles from "./Composer.module.css";

export interface ComposerHandle {
  focus(): void;
  /** Put a text before what is typed. */
  insert(text: string): void;
}

export interface ComposerProps {
  /** Where the draft is kept; the component is keyed by it. */
  readonly draftKey: string;
  /** UTF-16 code units after NFC. */
  readonly limit: number;
  readonly busy: boolean;
  /** Says whether it was taken; what was not stays in the field. */
  readonly onSend: (text: string) => boolean;
  readonly onStop?: (() => void) | undefined;
  readonly ref?: Ref<ComposerHandle>;
}

const HINT_FROM = 0.9; // of the limit

/** Enter alone, and not the one that ends a composition in an input method (229 in Safari). */
function isSendKey(event: KeyboardEvent): boolean {
  const composing = event.nativeEvent.isComposing || event.nativeEvent.keyCode === 229;
  return event.key === "Enter" && !event.shiftKey && !event.altKey && !composing;
}

export function Composer({ draftKey, limit, busy, onSend, onStop, ref }: ComposerProps) {
  const [draft, setDraft] = useDraft(draftKey);
  const field = useRef<HTMLTextAreaElement>(null);
  useImperativeHandle(ref, () => ({
    focus: () => field.current?.focus(),
    insert: (text) => {
      setDraft(draft.trim() === "" ? text : `${text}\n${draft}`);
      field.current?.focus();
    },
  }));
  const text = draft.normalize("NFC").trim();
  const left = limit - text.length;
  const sendable = text !== "" && left >= 0 && !busy;
  const send = () => {
    if (sendable && onSend(text)) setDraft("");
  };
  return (
    <form
      className={styles.composer}
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <div className={styles.field} data-text={draft}>
        <textarea
          id="message"
          ref={field}
          rows={1}
          value={draft}
          placeholder={t.composer.placeholder}
          aria-label={t.composer.label}
          aria-describedby="composer-hint"
          aria-invalid={left < 0}
          enterKeyHint="send"
          onChange={(event) => setDraft(event.target.value)}
          onKeyDown={(event) => {
            if (!isSendKey(event)) return;
            event.preventDefault();
            send();
          }}
        />
      </div>
      {busy && onStop !== undefined ? (
        <Button look="main" icon="stop" label={t.reply.stop} onClick={onStop} />
      ) : (
        <Button look="main" icon="send" label={t.composer.send} type="submit" disabled={!sendable} />
      )}
      <p className={styles.hint} id="composer-hint" data-over={left < 0 || undefined}>
        <Hint left={left} limit={limit} waiting={busy && text !== ""} />
      </p>
    </form>
  );
}

interface HintProps {
  readonly left: number;
  readonly limit: number;
  readonly waiting: boolean;
}

function Hint({ left, limit, waiting }: HintProps) {
  if (left < 0) return t.composer.over(-left);
  if (left < limit * (1 - HINT_FROM)) return t.composer.left(left);
  return waiting ? t.composer.busy : t.composer.hint;
}
