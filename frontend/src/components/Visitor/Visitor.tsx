/** What is kept of the visitor, and the way to have it deleted. */
import { useState } from "react";
import { t } from "../../i18n";
import type { Failure } from "../../protocol";
import { Button } from "../Button/Button";
import { Notice } from "../Notice/Notice";
import styles from "./Visitor.module.css";

export interface VisitorProps {
  readonly name: string;
  /** Resolves to what went wrong, or null. */
  readonly onRemove: () => Promise<Failure | null>;
  readonly onClose: () => void;
}

export default function Visitor({ name, onRemove, onClose }: VisitorProps) {
  const [state, setState] = useState<"told" | "asked" | "removing">("told");
  const [failure, setFailure] = useState<Failure | null>(null);
  const remove = () => {
    setState("removing");
    void onRemove().then((refused) => {
      setState("asked");
      setFailure(refused);
    });
  };
  return (
    <div className={styles.visitor}>
      <div className={styles.head}>
        <h2>{t.visitor.title}</h2>
        <Button icon="close" label={t.close} onClick={onClose} />
      </div>
      <p>{t.visitor.kept(name)}</p>
      <Notice failure={failure} onDismiss={() => setFailure(null)} />
      {state === "told" ? (
        <Button look="outlined" icon="bin" onClick={() => setState("asked")}>
          {t.visitor.remove}
        </Button>
      ) : (
        <div className={styles.sure}>
          <p>{t.visitor.sure}</p>
          <Button look="outlined" onClick={() => setState("told")}>
            {t.cancel}
          </Button>
          <Button look="outlined" icon="bin" disabled={state === "removing"} onClick={remove}>
            {t.visitor.reallyRemove}
          </Button>
        </div>
      )}
    </div>
  );
}
