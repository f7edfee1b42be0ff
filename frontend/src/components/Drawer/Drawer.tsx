/** A panel over the page that the browser itself keeps apart from it: focus, Escape and what lies beneath. */
import { type ReactNode, Suspense, useLayoutEffect, useRef } from "react";
import { t } from "../../i18n";
import styles from "./Drawer.module.css";

export interface DrawerProps {
  readonly label: string;
  readonly side: "start" | "middle" | "end";
  readonly onClose: () => void;
  /** What is seen while the children load; else words that say so. */
  readonly meanwhile?: ReactNode;
  /** May still be loading: the panel is open meanwhile, so that no key goes to what lies beneath. */
  readonly children: ReactNode;
}

export function Drawer({ label, side, onClose, meanwhile, children }: DrawerProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const element = dialog.current;
    const opener = document.activeElement;
    element?.showModal();
    return () => {
      element?.close();
      // After this drawing, in which the element that has the focus goes.
      queueMicrotask(() => {
        if (document.activeElement === document.body && opener instanceof HTMLElement) opener.focus();
      });
    };
  }, []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the keyboard's way out is Escape, which the browser gives
    <dialog
      ref={dialog}
      className={styles.drawer}
      data-side={side}
      aria-label={label}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => {
        if (event.target === dialog.current) onClose();
      }}
    >
      <div className={styles.inside}>
        <Suspense
          fallback={
            <>
              {meanwhile !== undefined && <div className={styles.meanwhile}>{meanwhile}</div>}
              <p role="status" className={styles.loading}>
                {t.loading}
              </p>
            </>
          }
        >
          {children}
        </Suspense>
      </div>
    </dialog>
  );
}
