/** Which model answers, and how it is, in words. */
import { t } from "../../i18n";
import type { Model } from "../../protocol";
import styles from "./ModelState.module.css";

export interface ModelStateProps {
  readonly alias: string;
  readonly models: readonly Model[];
  /** Its name stands next to it already. */
  readonly nameless?: boolean;
}

function stateWords(model: Model): string {
  const percent = model.progress === null ? null : Math.round(model.progress * 100);
  if (model.state === "loading") return t.model.loading(percent);
  if (model.state === "ok" && !model.streams) return t.model.atOnce;
  const detail = model.detail ?? "";
  return model.state === "ok" || detail === "" ? t.model[model.state] : `${t.model[model.state]}: ${detail}`;
}

export function ModelState({ alias, models, nameless = false }: ModelStateProps) {
  const model = models.find((other) => other.alias === alias);
  if (model === undefined) return <p className={styles.model}>{t.model.removed(alias)}</p>;
  return (
    <p className={styles.model} data-state={model.state} title={model.detail || undefined}>
      {!nameless && <span className={styles.label}>{model.label}</span>}{" "}
      <span role="status">{stateWords(model)}</span>
      {model.state === "loading" && model.progress !== null && (
        <progress value={model.progress} aria-label={t.model.loading(Math.round(model.progress * 100))} />
      )}
    </p>
  );
}
