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
import { markWords } from "../../found";
import styles from "./Rows.module.css";

export interface Row {
  readonly key: string;
  readonly draw: () => ReactElement;
}

export interface RowsHandle {
  /** Bring a row into view, and in it the first of these words, and give it the focus. */
  reveal(key: string, words: string): void;
}

export interface RowsProps {
  readonly rows: readonly Row[];
  readonly scroller: RefObject<HTMLElement | null>;
  readonly ref: Ref<RowsHandle>;
}

const MANY = 40; // rows, from which on drawing all costs more than watching the view
const BUFFER_PX = 500; // drawn before and after the view

/** Scroll until this stands in the middle, or begins at the top if it is higher than the view. */
function toMiddle(scroller: HTMLElement | null, { top, height }: DOMRect): void {
  if (scroller === null) return;
  const view = scroller.getBoundingClientRect();
  scroller.scrollTop += top - view.top - Math.max(0, view.height - height) / 2;
}

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
    reveal(key, words) {
      const index = rows.findIndex((row) => row.key === key);
      window.current?.scrollToIndex(index, { align: "center" });
      setHeld(key); // drawn in any case, so that it can be focused
      requestAnimationFrame(() => {
        const element = rowElement(key);
        if (element === null) return;
        element.focus({ preventScroll: true });
        toMiddle(scroller.current, (markWords(element, words) ?? element).getBoundingClientRect());
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
