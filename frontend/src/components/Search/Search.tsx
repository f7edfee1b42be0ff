/** All of one's messages, searched by words: each hit leads to its place. */
import { useEffect, useRef, useState } from "react";
import { inWords, t } from "../../i18n";
import { moment } from "../../i18n/format";
import type { Failure, Hit, Page } from "../../protocol";
import { Button } from "../Button/Button";
import { Drawer } from "../Drawer/Drawer";
import styles from "./Search.module.css";

export interface SearchProps {
  readonly onSearch: (words: string, cursor: string | null) => Promise<Page<Hit> | Failure>;
  readonly onPick: (hit: Hit) => void;
  readonly onClose: () => void;
}

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

export default function Search({ onSearch, onPick, onClose }: SearchProps) {
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
  const more = () =>
    void onSearch(words, found.next).then((answer) => setFound((held) => extended(held, words, answer)));

  return (
    <Drawer label={t.search.title} side="middle" onClose={onClose}>
      <div className={styles.search}>
        <div className={styles.head}>
          <input
            type="search"
            // biome-ignore lint/a11y/noAutofocus: the person has just asked to search
            autoFocus
            maxLength={200}
            aria-label={t.search.title}
            placeholder={t.search.placeholder}
            value={wish}
            onChange={(event) => setWish(event.target.value)}
          />
          <Button icon="close" label={t.close} onClick={onClose} />
        </div>
        <p role="status" className={styles.state}>
          {stateWords(words, found)}
        </p>
        <ul>
          {found.hits.map((hit) => (
            <li key={hit.message.id}>
              <button type="button" className={styles.hit} onClick={() => onPick(hit)}>
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
    </Drawer>
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
