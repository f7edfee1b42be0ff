/** Markdown's nodes as elements. Nothing here makes markup of text: HTML stays text, images become links. */
import type { Link, List, Nodes, Paragraph as ParagraphNode, Parents, PhrasingContent, Table } from "mdast";
import type { ReactNode } from "react";
import { t } from "../../i18n";
import { safeAddress } from "../../markdown/links";
import { CodeBlock } from "../CodeBlock/CodeBlock";
import { Formula } from "../Formula/Formula";
import styles from "./Markdown.module.css";

export interface NodeProps {
  readonly node: Nodes;
  /** Of a block that stands by itself: its words say from which side it is read. */
  readonly dir?: "auto" | undefined;
}

interface InsideProps {
  readonly of: Parents;
}

function Inside({ of }: InsideProps) {
  return of.children.map((node, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: a text that grows keeps its nodes' order
    <Node key={index} node={node} />
  ));
}

interface OutwardProps {
  readonly address: string;
  readonly children: ReactNode;
}

function Outward({ address, children }: OutwardProps) {
  const href = safeAddress(address);
  if (href === null) return <span>{children}</span>;
  return (
    <a href={href} target="_blank" rel="noopener noreferrer nofollow">
      {children}
    </a>
  );
}

/** An image within a link is its words: a link holds no other. */
function unlinked(node: PhrasingContent): PhrasingContent {
  if (node.type === "image") return { type: "text", value: t.markdown.image(node.alt ?? "") };
  return "children" in node ? { ...node, children: node.children.map(unlinked) } : node;
}

function LinkNode({ node }: { readonly node: Link }) {
  return (
    <Outward address={node.url}>
      <Inside of={{ ...node, children: node.children.map(unlinked) }} />
    </Outward>
  );
}

function ListNode({ node, dir }: { readonly node: List; readonly dir: NodeProps["dir"] }) {
  const items = node.children.map((item, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: as above
    <li key={index} className={typeof item.checked === "boolean" ? styles.task : undefined}>
      {typeof item.checked === "boolean" && (
        <input
          type="checkbox"
          checked={item.checked}
          disabled
          aria-label={item.checked ? t.markdown.done : t.markdown.open}
        />
      )}
      {item.children.map((child, place) =>
        child.type === "paragraph" && item.spread !== true ? (
          // biome-ignore lint/suspicious/noArrayIndexKey: as above
          <Inside key={place} of={child} />
        ) : (
          // biome-ignore lint/suspicious/noArrayIndexKey: as above
          <Node key={place} node={child} />
        ),
      )}
    </li>
  ));
  if (node.ordered !== true) return <ul dir={dir}>{items}</ul>;
  return (
    <ol dir={dir} start={node.start ?? 1}>
      {items}
    </ol>
  );
}

function TableNode({ node, dir }: { readonly node: Table; readonly dir: NodeProps["dir"] }) {
  const [head, ...rows] = node.children;
  const align = (column: number) => node.align?.[column] ?? undefined;
  return (
    <div className={styles.table} dir={dir} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {head?.children.map((cell, column) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: as above
              <th key={column} scope="col" data-align={align(column)}>
                <Inside of={cell} />
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: as above
            <tr key={index}>
              {row.children.map((cell, column) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: as above
                <td key={column} data-align={align(column)}>
                  <Inside of={cell} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** A formula alone in its paragraph is meant to stand by itself, though Markdown reads it as in a line. */
function Paragraph({ node, dir }: { readonly node: ParagraphNode; readonly dir: NodeProps["dir"] }) {
  const [first, ...rest] = node.children;
  return (
    <p dir={dir}>
      {first?.type === "inlineMath" && rest.length === 0 ? (
        <Formula tex={first.value} display />
      ) : (
        <Inside of={node} />
      )}
    </p>
  );
}

export function Node({ node, dir }: NodeProps): ReactNode {
  switch (node.type) {
    case "text":
      return node.value;
    case "paragraph":
      return <Paragraph node={node} dir={dir} />;
    case "heading":
      // One level for all: a model's own levels jump, and the page's outline must not.
      return (
        <h3 data-depth={node.depth} dir={dir}>
          <Inside of={node} />
        </h3>
      );
    case "strong":
      return (
        <strong>
          <Inside of={node} />
        </strong>
      );
    case "emphasis":
      return (
        <em>
          <Inside of={node} />
        </em>
      );
    case "delete":
      return (
        <del>
          <Inside of={node} />
        </del>
      );
    case "inlineCode":
      return <code>{node.value}</code>;
    case "code":
      return <CodeBlock code={node.value} language={node.lang ?? null} />;
    case "math":
      return <Formula tex={node.value} display />;
    case "inlineMath":
      return <Formula tex={node.value} display={false} />;
    case "break":
      return <br />;
    case "thematicBreak":
      return <hr />;
    case "link":
      return <LinkNode node={node} />;
    case "image":
      return <Outward address={node.url}>{t.markdown.image(node.alt ?? "")}</Outward>;
    case "blockquote":
      return (
        <blockquote dir={dir}>
          <Inside of={node} />
        </blockquote>
      );
    case "list":
      return <ListNode node={node} dir={dir} />;
    case "table":
      return <TableNode node={node} dir={dir} />;
    case "html":
      return <span className={styles.raw}>{node.value}</span>;
    case "footnoteReference":
      return <sup>[{node.label ?? node.identifier}]</sup>;
    case "footnoteDefinition":
      return (
        <div className={styles.footnote} dir={dir}>
          <sup>[{node.label ?? node.identifier}]</sup> <Inside of={node} />
        </div>
      );
    case "linkReference":
      return <Inside of={node} />;
    case "imageReference":
      return t.markdown.image(node.alt ?? "");
    case "root":
    case "listItem":
    case "tableRow":
    case "tableCell":
      return <Inside of={node} />;
    case "definition":
    case "yaml":
      return null;
  }
}
