/** Whether the page is used by finger: its keyboard takes half the screen, and has no Shift+Enter. */

export function isTouch(): boolean {
  return window.matchMedia("(pointer: coarse)").matches;
}
