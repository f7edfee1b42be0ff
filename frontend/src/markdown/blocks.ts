/** Markdown to its blocks, again and again while it grows: a piece more costs the last block only. */
import type { RootContent } from "mdast";
import { fromMarkdown } from "mdast-util-from-markdown";
import { gfmFromMarkdown } from "mdast-util-gfm";
import { gfm } from "micromark-extension-gfm";

export interface Block {
  /** Where it begins in the whole text: stays the same while the text grows. */
  readonly start: number;
  readonly node: RootContent;
}

export interface Document {
  readonly text: string;
  readonly blocks: readonly Block[];
}

const EXTENSIONS = { extensions: [gfm()], mdastExtensions: [gfmFromMarkdown()] };

export const EMPTY: Document = { text: "", blocks: [] };

function parse(text: string, start: number): Block[] {
  return fromMarkdown(text.slice(start), EXTENSIONS).children.map((node) => ({
    start: start + (node.position?.start.offset ?? 0),
    node,
  }));
}

/**
 * The blocks of `text`; those of `previous` are kept as they are where `text` continues it.
 *
 * CommonMark is read line by line and a block that was closed stays as it is, so that everything before the
 * last block is settled. Only a link defined further down is not seen by what stands above it.
 */
export function grow(previous: Document, text: string): Document {
  if (text === previous.text) return previous;
  const last = previous.blocks.at(-1);
  if (last === undefined || !text.startsWith(previous.text)) return { text, blocks: parse(text, 0) };
  const line = text.lastIndexOf("\n", last.start - 1) + 1; // indentation belongs to the block
  const settled = previous.blocks.filter((block) => block.start < line);
  return { text, blocks: [...settled, ...parse(text, line)] };
}
