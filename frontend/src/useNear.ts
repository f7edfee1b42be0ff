/** Calls when an element comes near the part of the page that is in view. */
import { type RefObject, useEffect, useRef } from "react";

/** `margin`: how near, as the root margin of an IntersectionObserver. Calls again each time it comes near anew. */
export function useNear(element: RefObject<Element | null>, margin: string, near: () => void): void {
  const current = useRef(near);
  useEffect(() => {
    current.current = near;
  });
  useEffect(() => {
    if (element.current === null) return undefined;
    const observer = new IntersectionObserver(
      (entries) => {
        // Several come at once where it left and came again between two frames.
        if (entries.some(({ isIntersecting }) => isIntersecting)) current.current();
      },
      { rootMargin: margin },
    );
    observer.observe(element.current);
    return () => observer.disconnect();
  }, [element, margin]);
}
