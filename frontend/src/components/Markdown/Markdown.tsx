/** A text in Markdown, block by block: while it grows, only its last block is drawn again. */
import { memo, useRef } from "react";
import { type Document, EMPTY, grow } from "../../markdown/blocks";
import styles from "./Markdown.module.css";
import { Node } from "./Nodes";

export interface MarkdownProps {
  readonly text: string;
}

const Block = memo(Node);

export default function Markdown({ text }: MarkdownProps) {
  const document = useRef<Document>(EMPTY);
  // A cache: the same text gives the same blocks, whatever was drawn before.
  document.current = grow(document.current, text);
  return (
    <div className={styles.markdown}>
      {document.current.blocks.map(({ start, node }) => (
        <Block key={start} node={node} />
      ))}
    </div>
  );
}
