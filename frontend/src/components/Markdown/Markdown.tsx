/** A text in Markdown, block by block: while it grows, only its last block is drawn again. */
import { memo, useRef } from "react";
import { type Document, EMPTY, grow } from "../../markdown/blocks";
import styles from "./Markdown.module.css";
import { Node } from "./Nodes";

export interface MarkdownProps {
  readonly text: string;
}

const Block = memo(Node);

const KEPT_AT_MOST = 200; // documents; a row that comes into view again is not read again
const kept = new Map<string, Document>();

/** The document of a text, from before where there is one. */
function read(previous: Document, text: string): Document {
  const document = kept.get(text) ?? grow(previous, text);
  kept.delete(previous.text);
  kept.set(text, document);
  if (kept.size > KEPT_AT_MOST) kept.delete(kept.keys().next().value ?? text);
  return document;
}

export default function Markdown({ text }: MarkdownProps) {
  const document = useRef<Document>(EMPTY);
  // A cache: the same text gives the same blocks, whatever was drawn before.
  document.current = read(document.current, text);
  return (
    <div className={styles.markdown}>
      {document.current.blocks.map(({ start, node }) => (
        <Block key={start} node={node} dir="auto" />
      ))}
    </div>
  );
}
