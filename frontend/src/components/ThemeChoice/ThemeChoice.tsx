/** Light, dark, or as the system. */
import { t } from "../../i18n";
import { chooseTheme, THEMES, useTheme } from "../../theme";
import styles from "./ThemeChoice.module.css";

export function ThemeChoice() {
  const theme = useTheme();
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
            onChange={() => chooseTheme(option)}
          />
          <span>{t.theme[option]}</span>
        </label>
      ))}
    </fieldset>
  );
}
