/** Every text of the page, in English. */

import { counter } from "./count";

const count = counter("en");

export const en = {
  locale: "en",
  direction: "ltr",
  app: "Chatbot",
  loading: "One moment…",
  close: "Close",
  cancel: "Cancel",
  save: "Save",
  undo: "Undo",
  tryAgain: "Try again",
  dismiss: "Dismiss",
  copy: "Copy",
  copied: "Copied",
  skip: "Skip to the message field",

  broken: {
    words: "Something on this page went wrong. Nothing that was sent is lost.",
    reload: "Reload the page",
  },

  start: {
    greeting: (name: string) => `What is on your mind, ${name}?`,
    welcome: "Hello. What shall I call you?",
    name: "Your name",
    namePlaceholder: "A first name is enough",
    examples: "Or begin with one of these",
    prompts: [
      "What is the capital of France?",
      "Explain how rainbows form to a ten-year-old.",
      "Write a short thank-you note to a neighbour.",
      "Give me three ideas for a rainy afternoon.",
    ],
    caution: "A language model can be wrong, even when it sounds sure. Check what matters.",
  },

  model: {
    pick: "Model",
    ok: "ready",
    loading: (percent: number | null) => (percent === null ? "is loading" : `is loading, ${percent} %`),
    degraded: "slow to answer at the moment",
    down: "cannot be reached at the moment",
    atOnce: "answers in one piece",
    removed: (alias: string) => `“${alias}” is no longer offered here. Choose another model in the settings.`,
  },

  sidebar: {
    title: "Conversations",
    open: "Show conversations",
    close: "Hide conversations",
    start: "New conversation",
    none: "Your conversations will stand here.",
    untitled: "New conversation",
    rename: (title: string) => `Rename “${title}”`,
    remove: (title: string) => `Delete “${title}”`,
    newTitle: "New title",
    removed: (title: string) => `“${title}” was deleted.`,
    more: "Show older ones",
    failed: "The list could not be loaded.",
    visitor: (name: string) => `${name} · Your data`,
  },

  visitor: {
    title: "Your data",
    kept: (name: string) =>
      `What you write is kept on this server under the name ${name}, for this browser alone.`,
    remove: "Delete all my data",
    sure: "All your conversations will be gone for good.",
    reallyRemove: "Delete everything",
  },

  theme: {
    label: "Appearance",
    choose: (theme: string) => `Appearance: ${theme}`,
    system: "System",
    light: "Light",
    dark: "Dark",
  },

  conversation: {
    label: "Conversation",
    empty: "Nothing has been said yet. Ask away.",
    opening: "Opening the conversation…",
    toEnd: "To the end",
    news: "New messages below",
    startAnew: "Begin a new one",
    absent: "Your conversations are in the list.",
    noTitle: "Not found",
    older: "Show earlier messages",
    olderFailed: "Earlier messages could not be loaded.",
    you: "You",
    writing: "Writing…",
    thinking: "Thinking…",
  },

  reply: {
    stop: "Stop",
    retry: "Retry",
    queued: (position: number, eta: string | null) =>
      `${position === 1 ? "Next in line" : `Number ${position} in line`}${eta === null ? "" : `, about ${eta}`}`,
    waiting: "Waiting for the model…",
    stopped: "Stopped.",
    stoppedEmpty: "Stopped before anything was written.",
    failed: "This reply failed.",
    empty: "The model had nothing to say.",
    cutByModel: "Cut off: the model wrote as much as it may at once.",
    cutByLimit: "Cut off: a reply may not be longer here.",
    details: "Details",
    by: (model: string) => `Answered by ${model}`,
    regenerate: "Another reply",
    goOn: "Go on",
    goOnText: "Please go on.",
  },

  memory: {
    line: "The model no longer sees what stands above",
    label: "Memory",
    used: (tokens: string, window: string) =>
      `The latest reply filled ${tokens} of the model's ${window} tokens`,
  },

  settings: {
    title: "Settings of this conversation",
    system_prompt: "What the model is told beforehand",
    system_prompt_hint: "Stands above the whole conversation, such as: Answer in one sentence.",
    temperature: "Temperature",
    top_p: "Top p",
    max_new_tokens: "Tokens at most",
    seed: "Seed",
    own: "default",
    next: "Applies from the next reply on.",
    export: "Take it with you",
    print: "Print",
    removed: (alias: string) => `${alias} (no longer offered)`,
  },

  search: {
    title: "Search",
    placeholder: "Message or command",
    commands: "Commands",
    hits: "Messages found",
    hint: "All your conversations are searched.",
    searching: "Searching…",
    none: (words: string) => `Nothing holds “${words}”.`,
    found: (n: number, more: boolean) => `${more ? "The latest " : ""}${count(n, "message", "messages")}`,
    more: "Show more",
  },

  shortcuts: {
    title: "Keys",
    keys: [
      ["Enter", "Send the message"],
      ["Shift+Enter", "Begin a new line"],
      ["Esc", "Stop the reply"],
      ["↑", "Bring back what was said before"],
      ["/", "Go to the message field"],
      ["Ctrl+K", "Search, or give a command"],
      ["Ctrl+Shift+O", "New conversation"],
      ["?", "Show these keys"],
    ] as readonly (readonly [keys: string, does: string])[],
  },

  asked: { edit: "Edit", editLabel: "Say it otherwise", hint: "Ctrl+Enter sends, Esc leaves it as it was" },

  versions: {
    label: "Versions",
    earlier: "Earlier version",
    later: "Later version",
    which: (at: number, of: number) => `${at}/${of}`,
  },

  thumbs: { good: "Good reply", poor: "Poor reply" },

  details: {
    time: "Time",
    model: "Model",
    read: "Tokens read",
    wrote: "Tokens written",
    queued: "Waited",
    first: "First token after",
    total: "Done after",
    attempt: "Attempt",
  },

  unsent: {
    sending: "Sending…",
    waiting: "Waiting for the connection",
    behind: "Will be sent when the reply is done",
    again: (seconds: number) => `Goes out again in ${count(seconds, "second", "seconds")}`,
    failed: "Not sent.",
    sendAgain: "Send again",
    takeBack: "Take back",
    regenerate: "Another reply",
  },

  composer: {
    label: "Message",
    placeholder: "Write a message",
    send: "Send",
    left: (n: number) => `${count(n, "character", "characters")} left`,
    over: (n: number) => `${count(n, "character", "characters")} too many`,
    tokens: (n: number) => `about ${count(n, "token", "tokens")}`,
    window: (n: number, window: number) =>
      `About ${count(n, "token", "tokens")}; the model reads ${window.toLocaleString("en")} at once, its reply among them`,
    busy: "You can go on writing; it can be sent when the reply is done.",
    hint: "Enter sends, Shift+Enter begins a new line",
  },

  connection: {
    connecting: "Connecting…",
    waiting: "The connection is lost. Trying again…",
    restarting: "The server is restarting. One moment…",
    offlineStart: "You are offline. Your conversations are kept on the server, and open when you are back.",
    offline: "You are offline. Messages go out when you are back.",
    now: "Try now",
    closed: {
      4500: "This conversation does not exist, or it is not yours.",
      4501: "This conversation was deleted.",
      4503: "The server did not understand this page. Reloading may help.",
      4504: "This conversation is open in too many tabs.",
    } as Readonly<Record<number, string>>,
    closedOther: "The server ended the connection.",
  },

  /** By code; what is not here is told in the server's own words. */
  errors: {
    busy: "A reply is still being written.",
    rate_limited: "That was too much at once.",
    queue_full: "Too many people are waiting for the model.",
    too_long: "The message is too long.",
    too_large: "The message is too large to be sent.",
    undeliverable: "The connection broke off each time this was sent.",
    expired: "This conversation has ended: it was idle for too long. You can still read it.",
    not_found: "This does not exist, or it is not yours.",
    unauthorized: "This does not exist, or it is not yours.",
    unavailable: "The server cannot store anything right now.",
    upstream_timeout: "The model took too long to answer.",
    upstream_unavailable: "The model cannot be reached.",
    upstream_rejected: "The model refused the request.",
    upstream_garbage: "The model answered with something unreadable.",
    upstream_incomplete: "The model broke off in the middle.",
    context_too_long: "This is more than the model can read at once.",
    interrupted: "The server was interrupted while it wrote this.",
    name_required: "Please say what to call you first.",
    csrf: "The page is out of date. Please reload it.",
    unreachable: "The server cannot be reached.",
    internal: "Something went wrong on the server.",
  } as Readonly<Record<string, string>>,

  markdown: {
    copyCode: "Copy code",
    image: (alt: string) => (alt === "" ? "Image" : `Image: ${alt}`),
    done: "Done",
    open: "Open",
  },
};

export type Catalogue = typeof en;
