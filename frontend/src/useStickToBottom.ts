/** A scroller that stays at its end while it grows, until one scrolls up. */
import { type RefObject, useCallback, useEffect, useRef, useState } from "react";

const NEAR_PX = 48; // within it the reader is taken to be at the end

export interface Stick {
  readonly scroller: RefObject<HTMLDivElement | null>;
  readonly content: RefObject<HTMLDivElement | null>;
  readonly atEnd: boolean;
  readonly toEnd: () => void;
  /** Stay where one is, whatever grows. */
  readonly letGo: () => void;
}

function isNearEnd(element: HTMLElement): boolean {
  return element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_PX;
}

export function useStickToBottom(): Stick {
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const stuck = useRef(true);
  const [atEnd, setAtEnd] = useState(true);

  const toEnd = useCallback(() => {
    stuck.current = true;
    setAtEnd(true);
    scroller.current?.scrollTo({ top: scroller.current.scrollHeight });
  }, []);

  const letGo = useCallback(() => {
    stuck.current = false;
    if (scroller.current !== null) setAtEnd(isNearEnd(scroller.current));
  }, []);

  useEffect(() => {
    const element = scroller.current;
    const inner = content.current;
    if (element === null || inner === null) return undefined;
    let top = element.scrollTop;
    const scrolled = () => {
      // Only a move up is the reader's wish; growth alone moves nothing up.
      if (isNearEnd(element)) stuck.current = true;
      else if (element.scrollTop < top) stuck.current = false;
      top = element.scrollTop;
      setAtEnd(stuck.current);
    };
    const grown = new ResizeObserver(() => {
      if (stuck.current) element.scrollTop = element.scrollHeight;
      else setAtEnd(isNearEnd(element));
      top = element.scrollTop; // what shrinks moves it up too, and that is nobody's wish
    });
    element.addEventListener("scroll", scrolled, { passive: true });
    grown.observe(inner);
    grown.observe(element);
    return () => {
      element.removeEventListener("scroll", scrolled);
      grown.disconnect();
    };
  }, []);

  return { scroller, content, atEnd, toEnd, letGo };
}
