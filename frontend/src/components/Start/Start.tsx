/** Where a conversation begins: a name the first time, a first message or an example, and which model answers. */
import { type ReactNode, useEffect, useRef, useState } from "react";
import { t } from "../../i18n";
import type { Failure, Limits, Model } from "../../protocol";
import type { Beginning } from "../../start";
import { Button } from "../Button/Button";
import { Composer, type ComposerHandle } from "../Composer/Composer";
import { ModelState } from "../ModelState/ModelState";
import { Notice } from "../Notice/Notice";
import styles from "./Start.module.css";

export interface StartProps {
  /** Null while the visitor has none. */
  readonly name: string | null;
  readonly models: readonly Model[];
  readonly limits: Limits;
  readonly lead: ReactNode;
  /** Resolves to what went wrong, or null when the conversation is open. */
  readonly onBegin: (beginning: Beginning) => Promise<Failure | null>;
}

export function Start({ name, models, limits, lead, onBegin }: StartProps) {
  const [wish, setWish] = useState("");
  const [model, setModel] = useState(models[0]?.alias ?? "");
  const [beginning, setBeginning] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const nameField = useRef<HTMLInputElement>(null);
  const composer = useRef<ComposerHandle>(null);
  const called = wish.normalize("NFC").trim();
  useEffect(() => {
    document.title = t.app;
  }, []);
  useEffect(() => {
    if (name === null) nameField.current?.focus();
    else composer.current?.focus();
  }, [name]);

  const begin = (text: string) => {
    if (name === null && called === "") {
      setFailure({ code: "name_required", detail: "" });
      nameField.current?.focus();
      return;
    }
    setBeginning(true);
    onBegin({ name: name === null ? called : null, model: model || null, text }).then((refused) => {
      if (refused === null) return;
      setBeginning(false);
      setFailure(refused);
      composer.current?.insert(text);
      if (refused.code === "name_required") nameField.current?.focus();
    });
  };

  const example = (prompt: string) => {
    if (name === null && called === "") composer.current?.propose(prompt);
    begin(prompt);
  };

  return (
    <main className={styles.start}>
      <header className={styles.head}>{lead}</header>
      <div className={styles.middle}>
        <h1>{name === null ? t.start.welcome : t.start.greeting(name)}</h1>
        {name === null && (
          <label className={styles.name}>
            <span>{t.start.name}</span>
            <input
              ref={nameField}
              value={wish}
              maxLength={limits.name}
              placeholder={t.start.namePlaceholder}
              autoComplete="given-name"
              aria-invalid={failure?.code === "name_required"}
              onChange={(event) => setWish(event.target.value)}
              onKeyDown={(event) => {
                if (event.key === "Enter") composer.current?.focus();
              }}
            />
          </label>
        )}
        <Notice failure={failure} onDismiss={() => setFailure(null)} />
        <Composer
          ref={composer}
          draftKey="draft/new"
          limit={limits.text}
          window={models.find(({ alias }) => alias === model)?.context_window ?? null}
          busy={beginning}
          onSend={(text) => {
            begin(text);
            return name !== null || called !== "";
          }}
        />
        <Models models={models} chosen={model} onChoose={setModel} />
        <section className={styles.examples} aria-labelledby="examples">
          <h2 id="examples">{t.start.examples}</h2>
          <ul>
            {t.start.prompts.map((prompt) => (
              <li key={prompt}>
                <Button look="outlined" disabled={beginning} onClick={() => example(prompt)}>
                  {prompt}
                </Button>
              </li>
            ))}
          </ul>
        </section>
      </div>
      <p className={styles.caution}>{t.start.caution}</p>
    </main>
  );
}

interface ModelsProps {
  readonly models: readonly Model[];
  readonly chosen: string;
  readonly onChoose: (alias: string) => void;
}

function Models({ models, chosen, onChoose }: ModelsProps) {
  return (
    <div className={styles.models}>
      {models.length > 1 && (
        <label>
          <span>{t.model.pick}</span>
          <select value={chosen} onChange={(event) => onChoose(event.target.value)}>
            {models.map(({ alias, label }) => (
              <option key={alias} value={alias}>
                {label}
              </option>
            ))}
          </select>
        </label>
      )}
      <ModelState alias={chosen} models={models} nameless={models.length > 1} />
    </div>
  );
}
