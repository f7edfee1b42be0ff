/** Where one writes: it grows, keeps its draft, sends with Enter, and never loses what is typed. */
import { type KeyboardEvent, type Ref, useImperativeHandle, useRef } from "react";
import { t } from "../../i18n";
import { estimateTokens } from "../../tokens";
import { isTouch } from "../../touch";
import { useDraft } from "../../useDraft";
import { Button } from "../Button/Button";
import styles from "./Composer.module.css";

export interface ComposerHandle {
  focus(): void;
  /** Put a text before what is typed. */
  insert(text: string): void;
  /** Put a text where nothing is typed, or in the place of the one that was proposed before. */
  propose(text: string): void;
}

export interface ComposerProps {
  /** Where the draft is kept; the component is keyed by it. */
  readonly draftKey: string;
  /** UTF-16 code units after NFC. */
  readonly limit: number;
  /** Tokens that the model reads at once, its reply among them; null where unknown. */
  readonly window?: number | null;
  readonly busy: boolean;
  /** What the person said before: 1 for the last, null where there is no more. */
  readonly said?: (back: number) => string | null;
  /** Says whether it was taken; what was not stays in the field. */
  readonly onSend: (text: string) => boolean;
  readonly onStop?: (() => void) | undefined;
  readonly ref?: Ref<ComposerHandle>;
}

const HINT_FROM = 0.9; // of the limit

/** Enter alone where there is a Shift, Ctrl+Enter anywhere; not the one that ends a composition (229 in Safari). */
function isSendKey(event: KeyboardEvent): boolean {
  const composing = event.nativeEvent.isComposing || event.nativeEvent.keyCode === 229;
  if (event.key !== "Enter" || event.shiftKey || event.altKey || composing) return false;
  return event.ctrlKey || event.metaKey || !isTouch();
}

const NOTHING_SAID = () => null;

export function Composer(props: ComposerProps) {
  const { draftKey, limit, window = null, busy, said = NOTHING_SAID, onSend, onStop, ref } = props;
  const [draft, setDraft] = useDraft(draftKey);
  const field = useRef<HTMLTextAreaElement>(null);
  const proposed = useRef("");
  useImperativeHandle(ref, () => ({
    focus: () => field.current?.focus(),
    insert: (text) => {
      setDraft(draft.trim() === "" ? text : `${text}\n${draft}`);
      field.current?.focus();
    },
    propose: (text) => {
      if (draft.trim() !== "" && draft !== proposed.current) return;
      proposed.current = text;
      setDraft(text);
    },
  }));
  const recall = useRecall(draft, said, setDraft);
  const text = draft.normalize("NFC").trim();
  const left = limit - text.length;
  const sendable = text !== "" && left >= 0 && !busy;
  const send = () => {
    if (sendable && onSend(text)) setDraft("");
  };
  // The button that was pressed becomes another; on a phone the field would bring its keyboard.
  const goOnWriting = () => !isTouch() && field.current?.focus();
  const hint = hintWords({ text, limit, window, waiting: busy && text !== "" });
  return (
    <form
      className={styles.composer}
      onSubmit={(event) => {
        event.preventDefault();
        goOnWriting();
        send();
      }}
    >
      <div className={styles.field} data-text={draft}>
        <textarea
          id="message"
          ref={field}
          rows={1}
          dir={draft === "" ? undefined : "auto"}
          value={draft}
          placeholder={t.composer.placeholder}
          aria-label={t.composer.label}
          aria-describedby={hint === null ? undefined : "composer-hint"}
          aria-invalid={left < 0}
          enterKeyHint={isTouch() ? "enter" : "send"}
          onChange={(event) => setDraft(event.target.value)}
          onKeyDown={(event) => {
            if (recall(event)) return event.preventDefault();
            if (!isSendKey(event)) return;
            event.preventDefault();
            send();
          }}
        />
      </div>
      {busy && onStop !== undefined ? (
        <Button
          look="main"
          icon="stop"
          label={t.reply.stop}
          onClick={() => {
            goOnWriting();
            onStop();
          }}
        />
      ) : (
        <Button look="main" icon="send" label={t.composer.send} type="submit" disabled={!sendable} />
      )}
      {hint !== null && (
        <p className={styles.hint} id="composer-hint" data-over={left < 0 || undefined}>
          {hint}
        </p>
      )}
    </form>
  );
}

/**
 * Arrow Up in an empty field brings back what was said before, further and further; Arrow Down the other way.
 * What is brought back and changed is a draft like any other. Returns whether the key was taken.
 */
function useRecall(
  draft: string,
  said: (back: number) => string | null,
  setDraft: (text: string) => void,
): (event: KeyboardEvent<HTMLTextAreaElement>) => boolean {
  const recalled = useRef({ back: 0, text: "" });
  return ({ key, shiftKey, ctrlKey, altKey, metaKey, nativeEvent, currentTarget }) => {
    if (shiftKey || ctrlKey || altKey || metaKey || nativeEvent.isComposing) return false;
    const { selectionStart, selectionEnd } = currentTarget;
    const back = draft === recalled.current.text ? recalled.current.back : 0;
    if (draft !== "" && back === 0) return false;
    const firstLine = !draft.slice(0, selectionStart).includes("\n");
    const lastLine = !draft.slice(selectionEnd).includes("\n");
    const step = key === "ArrowUp" && firstLine ? 1 : key === "ArrowDown" && lastLine && back > 0 ? -1 : 0;
    if (step === 0) return false;
    const text = back + step === 0 ? "" : said(back + step);
    if (text === null) return false;
    recalled.current = { back: back + step, text };
    setDraft(text);
    return true;
  };
}

interface Hints {
  readonly text: string;
  readonly limit: number;
  readonly window: number | null;
  readonly waiting: boolean;
}

/** What is worth saying below the field; null for nothing. */
function hintWords({ text, limit, window, waiting }: Hints): string | null {
  const left = limit - text.length;
  const tokens = estimateTokens(text);
  if (left < 0) return t.composer.over(-left);
  if (window !== null && tokens > window * HINT_FROM) return t.composer.window(tokens, window);
  if (left < limit * (1 - HINT_FROM)) return `${t.composer.left(left)} · ${t.composer.tokens(tokens)}`;
  if (waiting) return t.composer.busy;
  return isTouch() ? null : t.composer.hint;
}
