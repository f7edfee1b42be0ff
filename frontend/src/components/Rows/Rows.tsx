/** The rows of a conversation: all of them while they are few, those in view once they are many. */
import {
  type ReactElement,
  type Ref,
  type RefObject,
  useEffect,
  useImperativeHandle,
  useLayoutEffect,
  useRef,
  useState,
} from "react";
import { flushSync } from "react-dom";
import { Virtualizer, type VirtualizerHandle } from "virtua";
import styles from "./Rows.module.css";

export interface Row {
  readonly key: string;
  readonly draw: () => ReactElement;
}

export interface RowsHandle {
  /** Bring a row into view and give it the focus. */
  reveal(key: string): void;
}

export interface RowsProps {
  readonly rows: readonly Row[];
  readonly scroller: RefObject<HTMLElement | null>;
  readonly ref: Ref<RowsHandle>;
}

const MANY = 40; // rows, from which on drawing all costs more than watching the view
const BUFFER_PX = 500; // drawn before and after the view

function rowElement(key: string): HTMLElement | null {
  return document.querySelector(`[data-row="${CSS.escape(key)}"]`);
}

/** True while the page is being printed, which needs every row. */
function usePrinting(): boolean {
  const [printing, setPrinting] = useState(false);
  useEffect(() => {
    const before = () => flushSync(() => setPrinting(true));
    const after = () => setPrinting(false);
    window.addEventListener("beforeprint", before);
    window.addEventListener("afterprint", after);
    return () => {
      window.removeEventListener("beforeprint", before);
      window.removeEventListener("afterprint", after);
    };
  }, []);
  return printing;
}

/** In this very drawing rows were put in above, so that the place is kept from the end. */
function useShift(rows: readonly Row[]): boolean {
  const first = rows[0]?.key;
  const before = useRef(first);
  const moved = before.current !== undefined && before.current !== first;
  const shift = moved && rows.some(({ key }) => key === before.current);
  useLayoutEffect(() => {
    before.current = first;
  });
  return shift;
}

export function Rows({ rows, scroller, ref }: RowsProps) {
  const [many, setMany] = useState(false);
  if (!many && rows.length > MANY) setMany(true); // and it stays so: a change would draw all anew
  const printing = usePrinting();
  const shift = useShift(rows);
  const [held, setHeld] = useState<string | null>(null);
  const window = useRef<VirtualizerHandle>(null);
  useImperativeHandle(ref, () => ({
    reveal(key) {
      const index = rows.findIndex((row) => row.key === key);
      window.current?.scrollToIndex(index, { align: "center" });
      setHeld(key); // drawn in any case, so that it can be focused
      requestAnimationFrame(() => {
        const element = rowElement(key);
        if (window.current === null) element?.scrollIntoView({ block: "center" });
        element?.focus({ preventScroll: true });
      });
    },
  }));
  const draw = ({ key, draw: drawRow }: Row) => (
    // biome-ignore lint/a11y/noStaticElementInteractions: only the row that holds the focus is noted
    <div key={key} className={styles.row} data-row={key} tabIndex={-1} onFocus={() => setHeld(key)}>
      {drawRow()}
    </div>
  );
  if (!many || printing) return rows.map(draw);
  const heldIndex = rows.findIndex(({ key }) => key === held);
  return (
    <Virtualizer
      ref={window}
      scrollRef={scroller}
      data={rows}
      shift={shift}
      bufferSize={BUFFER_PX}
      keepMounted={heldIndex < 0 ? [] : [heldIndex]}
    >
      {draw}
    </Virtualizer>
  );
}
