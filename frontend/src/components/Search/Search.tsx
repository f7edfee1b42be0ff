/** What the page can do, and all of one's messages, found by words: each choice leads to its place. */
import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import { inWords, t } from "../../i18n";
import { moment } from "../../i18n/format";
import type { Failure, Hit, Page } from "../../protocol";
import { Button } from "../Button/Button";
import { SearchField } from "../SearchField/SearchField";
import styles from "./Search.module.css";

/** Something that the page can do, or a conversation by its title. */
export interface Command {
  readonly key: string;
  readonly words: string;
  readonly run: () => void;
}

export interface SearchProps {
  readonly commands?: readonly Command[];
  readonly onSearch: (words: string, cursor: string | null) => Promise<Page<Hit> | Failure>;
  readonly onPick: (hit: Hit, words: string) => void;
  /** What was typed while this was still loading. */
  readonly begun?: (() => string) | undefined;
  readonly onClose: () => void;
}

const COMMANDS_AT_MOST = 6;
const PAUSE_MS = 250; // after a key, before the server is asked

interface Found {
  readonly words: string;
  readonly hits: readonly Hit[];
  readonly next: string | null;
  readonly failure: Failure | null;
}

const NOTHING: Found = { words: "", hits: [], next: null, failure: null };

function extended(found: Found, words: string, answer: Page<Hit> | Failure): Found {
  const before = found.words === words ? found.hits : [];
  if (!("items" in answer)) return { words, hits: before, next: null, failure: answer };
  return { words, hits: [...before, ...answer.items], next: answer.next, failure: null };
}

const NO_COMMANDS: readonly Command[] = [];

/** Those whose words hold all that was typed, in any order. */
function fitting(commands: readonly Command[], typed: string): readonly Command[] {
  const parts = typed.toLocaleLowerCase().split(/\s+/);
  const fits = ({ words }: Command) => parts.every((part) => words.toLocaleLowerCase().includes(part));
  return commands.filter(fits).slice(0, COMMANDS_AT_MOST);
}

/** Arrow Down and Arrow Up go through the field and the choices. */
function step({ key, currentTarget }: KeyboardEvent<HTMLElement>): boolean {
  const by = key === "ArrowDown" ? 1 : key === "ArrowUp" ? -1 : 0;
  if (by === 0) return false;
  const places = [...currentTarget.querySelectorAll<HTMLElement>("input, li button")];
  const at = places.findIndex((place) => place.matches(":focus"));
  places[at + by]?.focus();
  return true;
}

export default function Search(props: SearchProps) {
  const { commands = NO_COMMANDS, onSearch, onPick, begun, onClose } = props;
  const [wish, setWish] = useState("");
  const [found, setFound] = useState<Found>(NOTHING);
  const wanted = useRef("");
  const words = wish.trim();
  useEffect(() => {
    wanted.current = words;
    if (words === "") return setFound(NOTHING);
    const timer = setTimeout(() => {
      void onSearch(words, null).then((answer) => {
        if (wanted.current === words) setFound(extended(NOTHING, words, answer));
      });
    }, PAUSE_MS);
    return () => clearTimeout(timer);
  }, [words, onSearch]);
  const offered = fitting(commands, words);
  const [first] = found.words === words ? found.hits : [];
  const take = () => {
    if (offered[0] !== undefined) offered[0].run();
    else if (first !== undefined) onPick(first, words);
  };
  const more = () =>
    void onSearch(words, found.next).then((answer) => setFound((held) => extended(held, words, answer)));

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: keys that move within, of what can be focused there
    <div
      className={styles.search}
      onKeyDown={(event) => {
        if (step(event)) event.preventDefault();
      }}
    >
      <SearchField begun={begun} onChange={setWish} onEnter={take} onClose={onClose} />
      {offered.length > 0 && (
        <ul aria-label={t.search.commands}>
          {offered.map(({ key, words: said, run }, index) => (
            <li key={key}>
              <button
                type="button"
                className={styles.hit}
                data-first={index === 0 || undefined}
                onClick={run}
              >
                {said}
              </button>
            </li>
          ))}
        </ul>
      )}
      <p role="status" className={styles.state}>
        {stateWords(words, found)}
      </p>
      <ul aria-label={t.search.hits}>
        {found.hits.map((hit) => (
          <li key={hit.message.id}>
            <button
              type="button"
              className={styles.hit}
              data-first={(offered.length === 0 && hit === first) || undefined}
              onClick={() => onPick(hit, words)}
            >
              <span className={styles.title}>{hit.session.title || t.sidebar.untitled}</span>
              <span className={styles.snippet}>{hit.snippet}</span>
              <span className={styles.time}>{moment(hit.message.created_at)}</span>
            </button>
          </li>
        ))}
      </ul>
      {found.next !== null && (
        <Button look="outlined" onClick={more}>
          {t.search.more}
        </Button>
      )}
    </div>
  );
}

function stateWords(words: string, found: Found): string {
  if (words === "") return t.search.hint;
  if (found.words !== words) return t.search.searching;
  if (found.failure !== null) return inWords(found.failure);
  return found.hits.length === 0
    ? t.search.none(words)
    : t.search.found(found.hits.length, found.next !== null);
}
