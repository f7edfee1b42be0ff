/** Markdown to its blocks, again and again while it grows: a piece more costs the last block only. */
import type { RootContent } from "mdast";
import { fromMarkdown } from "mdast-util-from-markdown";
import { gfmFromMarkdown } from "mdast-util-gfm";
import { mathFromMarkdown } from "mdast-util-math";
import { gfm } from "micromark-extension-gfm";
import { math } from "micromark-extension-math";
import { bracketedMath, bracketedMathFromMarkdown } from "./brackets";

export interface Block {
  /** Where it begins in the whole text: stays the same while the text grows. */
  readonly start: number;
  readonly node: RootContent;
}

export interface Document {
  readonly text: string;
  readonly blocks: readonly Block[];
  /** Links and footnotes that are defined apart from where they are named: as they are written. */
  readonly definitions: string;
}

// Two dollars make a formula; one is more often money.
const EXTENSIONS = {
  extensions: [gfm(), math({ singleDollarTextMath: false }), bracketedMath],
  mdastExtensions: [gfmFromMarkdown(), mathFromMarkdown(), bracketedMathFromMarkdown],
};

export const EMPTY: Document = { text: "", blocks: [], definitions: "" };

/** The blocks of `text` from `start` on, which may name what is defined elsewhere. */
function parse(text: string, start: number, definitions: string): Block[] {
  const before = start === 0 || definitions === "" ? "" : `${definitions}${APART}`;
  const nodes = fromMarkdown(before + text.slice(start), EXTENSIONS).children;
  return nodes
    .map((node) => ({ start: start - before.length + (node.position?.start.offset ?? 0), node }))
    .filter((block) => block.start >= start);
}

// A comment ends a footnote, which would take what is indented after it.
const APART = "\n\n<!-- -->\n\n";

function definitionsOf(text: string, blocks: readonly Block[]): string {
  return blocks
    .filter(({ node: { type } }) => type === "definition" || type === "footnoteDefinition")
    .map(({ start, node: { position } }) => {
      const length = (position?.end.offset ?? 0) - (position?.start.offset ?? 0);
      return text.slice(start, start + length);
    })
    .join("\n\n");
}

function whole(text: string): Document {
  const blocks = parse(text, 0, "");
  return { text, blocks, definitions: definitionsOf(text, blocks) };
}

/**
 * The blocks of `text`; those of `previous` are kept as they are where `text` continues it.
 *
 * CommonMark is read line by line and a block that was closed stays as it is, so that all is settled but the last
 * block that began before the last line: what that line begins may yet turn out to continue it. Only what is
 * defined further down changes what names it above: then all is read anew.
 */
export function grow(previous: Document, text: string): Document {
  if (text === previous.text) return previous;
  const lastLine = previous.text.lastIndexOf("\n");
  const unsure = lastLine <= 0 ? 0 : previous.text.lastIndexOf("\n", lastLine - 1) + 1;
  const open = previous.blocks.findLast(({ start }) => start < unsure);
  if (open === undefined || !text.startsWith(previous.text)) return whole(text);
  const from = text.lastIndexOf("\n", open.start - 1) + 1; // indentation belongs to the block
  const settled = previous.blocks.filter(({ start }) => start < from);
  const fresh = parse(text, from, previous.definitions).map(
    (block) => previous.blocks.find((held) => isSame(held, block)) ?? block,
  );
  const blocks = [...settled, ...fresh];
  const definitions = definitionsOf(text, blocks);
  return definitions === previous.definitions ? { text, blocks, definitions } : whole(text);
}

/** The same piece of a text that was only continued, read as the same. */
function isSame(held: Block, block: Block): boolean {
  const length = ({ node: { position } }: Block) =>
    (position?.end.offset ?? 0) - (position?.start.offset ?? 0);
  return held.start === block.start && held.node.type === block.node.type && length(held) === length(block);
}
