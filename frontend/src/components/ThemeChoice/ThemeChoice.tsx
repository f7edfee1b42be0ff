/** Light, dark, or as the system. */
import { useState } from "react";
import { t } from "../../i18n";
import { chooseTheme, readTheme, type Theme } from "../../theme";
import styles from "./ThemeChoice.module.css";

const THEMES: readonly Theme[] = ["system", "light", "dark"];

export function ThemeChoice() {
  const [theme, setTheme] = useState(readTheme);
  return (
    <fieldset className={styles.choice}>
      <legend>{t.theme.label}</legend>
      {THEMES.map((option) => (
        <label key={option}>
          <input
            type="radio"
            name="theme"
            value={option}
            checked={theme === option}
            onChange={() => {
              setTheme(option);
              chooseTheme(option);
            }}
          />
          <span>{t.theme[option]}</span>
        </label>
      ))}
    </fieldset>
  );
}
