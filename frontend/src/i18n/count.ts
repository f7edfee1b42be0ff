/** A number with its noun, as a language with two forms of number puts it. */

export function counter(locale: string): (n: number, one: string, other: string) => string {
  const rules = new Intl.PluralRules(locale);
  return (n, one, other) => `${n.toLocaleString(locale)} ${rules.select(n) === "one" ? one : other}`;
}
