/** What can be done with a conversation, written down instead of done. */
import { vi } from "vitest";
import type { Deeds } from "../useConversation";

export function recordedDeeds() {
  return {
    send: vi.fn<Deeds["send"]>(),
    edit: vi.fn<Deeds["edit"]>(),
    regenerate: vi.fn<Deeds["regenerate"]>(),
    retry: vi.fn<Deeds["retry"]>(),
    stop: vi.fn<Deeds["stop"]>(),
    select: vi.fn<Deeds["select"]>(),
    sendAgain: vi.fn<Deeds["sendAgain"]>(),
    drop: vi.fn<Deeds["drop"]>(),
    reconnect: vi.fn<Deeds["reconnect"]>(),
    dismiss: vi.fn<Deeds["dismiss"]>(),
    rate: vi.fn<Deeds["rate"]>(async () => undefined),
    loadOlder: vi.fn<Deeds["loadOlder"]>(async () => undefined),
    loadAround: vi.fn<Deeds["loadAround"]>(async () => undefined),
  };
}
