/** What axe-core finds wrong with an element; colours are looked at in a real browser. */
import axe from "axe-core";

export async function violations(element: Element): Promise<string[]> {
  const { violations: found } = await axe.run(element, { rules: { "color-contrast": { enabled: false } } });
  return found.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
}
