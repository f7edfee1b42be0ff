/** The head of the search: its field, there from the first moment, and the way out. */
import { type KeyboardEvent, useLayoutEffect, useRef } from "react";
import { t } from "../../i18n";
import { Button } from "../Button/Button";
import styles from "./SearchField.module.css";

export interface SearchFieldProps {
  /** What stands in it at first: asked for when it is put into the page, not when it is drawn, which may be earlier. */
  readonly begun?: (() => string) | undefined;
  readonly onChange: (wish: string) => void;
  readonly onEnter?: () => void;
  readonly onClose: () => void;
}

const WISH_AT_MOST = 200; // characters, as the server takes them

export function SearchField({ begun, onChange, onEnter, onClose }: SearchFieldProps) {
  const field = useRef<HTMLInputElement>(null);
  const atFirst = useRef({ begun, onChange });
  useLayoutEffect(() => {
    const wish = atFirst.current.begun?.() ?? "";
    if (field.current === null || wish === "") return;
    field.current.value = wish;
    field.current.setSelectionRange(wish.length, wish.length);
    atFirst.current.onChange(wish);
  }, []);
  const pressed = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || event.nativeEvent.isComposing) return;
    event.preventDefault(); // else it presses what has the focus once the panel is closed
    onEnter?.();
  };
  return (
    <div className={styles.head}>
      <input
        ref={field}
        type="search"
        // biome-ignore lint/a11y/noAutofocus: the person has just asked to search
        autoFocus
        maxLength={WISH_AT_MOST}
        aria-label={t.search.title}
        placeholder={t.search.placeholder}
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={pressed}
      />
      <Button icon="close" label={t.close} onClick={onClose} />
    </div>
  );
}
