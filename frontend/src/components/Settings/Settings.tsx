/** How a conversation is led: its model, what the model is told beforehand, how freely it chooses; and its export. */
import { type FormEvent, useState } from "react";
import { inWords, t } from "../../i18n";
import type { Failure, Model, Sampling, Session, SessionChange } from "../../protocol";
import { Button } from "../Button/Button";
import styles from "./Settings.module.css";

export interface SettingsProps {
  readonly session: Session;
  readonly models: readonly Model[];
  /** Resolves to what went wrong, or null. */
  readonly onSave: (change: SessionChange) => Promise<Failure | null>;
  readonly onClose: () => void;
}

interface Range {
  readonly name: keyof Sampling;
  readonly min: number;
  readonly max: number;
  readonly step: number | "any";
}

/** As the server checks them. */
const RANGES: readonly Range[] = [
  { name: "temperature", min: 0, max: 2, step: "any" },
  { name: "top_p", min: 0.01, max: 1, step: "any" },
  { name: "max_new_tokens", min: 1, max: 100_000, step: 1 },
  { name: "seed", min: 0, max: 2 ** 31 - 1, step: 1 },
];

function asNumber(value: FormDataEntryValue | null): number | null {
  return typeof value !== "string" || value.trim() === "" ? null : Number(value);
}

function wishOf(form: HTMLFormElement): SessionChange {
  const fields = new FormData(form);
  return {
    model: String(fields.get("model") ?? ""),
    system_prompt: String(fields.get("system_prompt") ?? "").normalize("NFC"),
    sampling: {
      temperature: asNumber(fields.get("temperature")),
      top_p: asNumber(fields.get("top_p")),
      max_new_tokens: asNumber(fields.get("max_new_tokens")),
      seed: asNumber(fields.get("seed")),
    },
  };
}

export default function Settings({ session, models, onSave, onClose }: SettingsProps) {
  const [saving, setSaving] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const save = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    setSaving(true);
    void onSave(wishOf(event.currentTarget)).then((refused) => {
      setSaving(false);
      setFailure(refused);
      if (refused === null) onClose();
    });
  };
  return (
    <form className={styles.settings} onSubmit={save}>
      <div className={styles.head}>
        <h2>{t.settings.title}</h2>
        <Button icon="close" label={t.close} onClick={onClose} />
      </div>
      <Choice session={session} models={models} />
      <label className={styles.field}>
        <span>{t.settings.system_prompt}</span>
        <textarea name="system_prompt" rows={5} defaultValue={session.system_prompt} />
        <small>{t.settings.system_prompt_hint}</small>
      </label>
      <div className={styles.numbers}>
        {RANGES.map(({ name, ...range }) => (
          <label className={styles.field} key={name}>
            <span>{t.settings[name]}</span>
            <input
              type="number"
              name={name}
              {...range}
              defaultValue={session.sampling[name] ?? ""}
              placeholder={t.settings.own}
            />
          </label>
        ))}
      </div>
      {failure !== null && (
        <p role="alert" className={styles.failure}>
          {failure.detail || inWords(failure)}
        </p>
      )}
      <div className={styles.row}>
        <small>{t.settings.next}</small>
        <Button look="main" type="submit" disabled={saving}>
          {t.save}
        </Button>
      </div>
      <section className={styles.export} aria-labelledby="export">
        <h3 id="export">{t.settings.export}</h3>
        <a href={`/api/sessions/${session.id}/export?format=markdown`} download>
          Markdown
        </a>
        <a href={`/api/sessions/${session.id}/export?format=json`} download>
          JSON
        </a>
        <Button
          small
          look="outlined"
          onClick={() => {
            onClose();
            setTimeout(() => window.print());
          }}
        >
          {t.settings.print}
        </Button>
      </section>
    </form>
  );
}

/** The models there are, and the one that was chosen should it be there no longer. */
function Choice({ session, models }: Pick<SettingsProps, "session" | "models">) {
  const known = models.some(({ alias }) => alias === session.model);
  return (
    <label className={styles.field}>
      <span>{t.model.pick}</span>
      <select name="model" defaultValue={session.model}>
        {!known && <option value={session.model}>{t.settings.removed(session.model)}</option>}
        {models.map(({ alias, label }) => (
          <option key={alias} value={alias}>
            {label}
          </option>
        ))}
      </select>
    </label>
  );
}
