/** Formulas as TeX brackets them, `\( ... \)` in a line and `\[ ... \]` by itself: an extension of the Markdown that is read. */
import type { Extension as TreeExtension } from "mdast-util-from-markdown";
import { markdownLineEnding, markdownSpace } from "micromark-util-character";
import type { Code, Construct, Extension, State, Token, Tokenizer, TokenType } from "micromark-util-types";

declare module "micromark-util-types" {
  interface TokenTypeMap {
    displayedFormula: "displayedFormula";
    formulaLines: "formulaLines";
  }
}

// Character codes, as micromark tells them.
const PARENTHESIS = 40;
const CLOSING_PARENTHESIS = 41;
const BRACKET = 91;
const BACKSLASH = 92;
const CLOSING_BRACKET = 93;
const BACKTICK = 96;
const TILDE = 126;

interface Brackets {
  readonly open: number;
  readonly close: number;
  readonly type: TokenType;
}

function endsLine(code: Code): boolean {
  return code === null || markdownLineEnding(code);
}

/** A backslash and `second`, as a partial construct. */
function pair(second: number): Construct {
  const tokenize: Tokenizer = (effects, ok, nok) => {
    return (code) => {
      if (code !== BACKSLASH) return nok(code);
      effects.enter("mathTextSequence");
      effects.consume(code);
      return last;
    };
    function last(code: Code): State | undefined {
      if (code !== second) return nok(code);
      effects.consume(code);
      effects.exit("mathTextSequence");
      return ok;
    }
  };
  return { tokenize, partial: true };
}

/**
 * A formula, in one paragraph. One that is not closed, is empty or is opened twice is text. So is one that would hold
 * a backtick, so that code stays code wherever a formula was left open, and an escaped link, `\[words\](address)`.
 */
function formula({ open, close, type }: Brackets): Construct {
  const opening = pair(open);
  const closing = pair(close);
  const tokenize: Tokenizer = (effects, ok, nok) => {
    let isEmpty = true;

    return (code) => {
      effects.enter(type);
      return effects.attempt(opening, between, nok)(code);
    };

    function between(code: Code): State | undefined {
      if (code === null || code === BACKTICK) return nok(code);
      if (code === BACKSLASH) return effects.attempt(closing, closed, escaped)(code);
      if (markdownLineEnding(code)) {
        effects.enter("lineEnding");
        effects.consume(code);
        effects.exit("lineEnding");
        return between;
      }
      effects.enter("mathTextData");
      return within(code);
    }

    function within(code: Code): State | undefined {
      if (endsLine(code) || code === BACKTICK || code === BACKSLASH) {
        effects.exit("mathTextData");
        return between(code);
      }
      isEmpty &&= markdownSpace(code);
      effects.consume(code);
      return within;
    }

    function escaped(code: Code): State | undefined {
      isEmpty = false;
      effects.enter("mathTextData");
      effects.consume(code);
      return afterBackslash;
    }

    function afterBackslash(code: Code): State | undefined {
      if (code === open) return nok(code);
      if (code !== BACKSLASH) return within(code);
      effects.consume(code);
      return within;
    }

    function closed(code: Code): State | undefined {
      if (isEmpty || (close === CLOSING_BRACKET && code === PARENTHESIS)) return nok(code);
      effects.exit(type);
      return ok(code);
    }
  };
  return { name: type, tokenize };
}

/** The end of a line, where the next one is of the same block, not blank, and begins no code. */
const nextLine: Construct = {
  partial: true,
  tokenize(effects, ok, nok) {
    const isLazy = () => this.parser.lazy[this.now().line] === true;
    return (code) => {
      effects.enter("lineEnding");
      effects.consume(code);
      effects.exit("lineEnding");
      return start;
    };
    function start(code: Code): State | undefined {
      if (isLazy()) return nok(code);
      if (!markdownSpace(code)) return first(code);
      effects.enter("linePrefix");
      return prefix(code);
    }
    function prefix(code: Code): State | undefined {
      if (markdownSpace(code)) {
        effects.consume(code);
        return prefix;
      }
      effects.exit("linePrefix");
      return first(code);
    }
    function first(code: Code): State | undefined {
      return endsLine(code) || code === BACKTICK || code === TILDE ? nok(code) : ok(code);
    }
  },
};

/**
 * Lines from a `\[` alone on its line to the line with its `\]`, or to a blank one: a paragraph in which a sum's `-` or
 * `+` at a line's beginning makes no list. What is a formula in it is found as in every paragraph.
 */
const lines: Construct = {
  name: "formulaLines",
  concrete: true,
  tokenize(effects, ok, nok) {
    const isInterrupting = this.interrupt === true;
    let previous: Token | undefined;
    let isClosed = false;

    return (code) => {
      effects.enter("formulaLines");
      previous = effects.enter("chunkText", { contentType: "text" });
      effects.consume(code);
      return bracket;
    };

    function bracket(code: Code): State | undefined {
      if (code !== BRACKET) return nok(code);
      effects.consume(code);
      return alone;
    }

    function alone(code: Code): State | undefined {
      if (endsLine(code)) return isInterrupting ? done(code) : lineEnd(code);
      if (!markdownSpace(code)) return nok(code);
      effects.consume(code);
      return alone;
    }

    function lineEnd(code: Code): State | undefined {
      return code === null || isClosed ? done(code) : effects.check(nextLine, goOn, done)(code);
    }

    function goOn(code: Code): State | undefined {
      effects.consume(code);
      effects.exit("chunkText");
      return lineStart;
    }

    function lineStart(code: Code): State | undefined {
      const token = effects.enter("chunkText", { contentType: "text", previous });
      if (previous !== undefined) previous.next = token;
      previous = token;
      return line(code);
    }

    function line(code: Code): State | undefined {
      if (endsLine(code)) return lineEnd(code);
      effects.consume(code);
      return code === BACKSLASH ? afterBackslash : line;
    }

    function afterBackslash(code: Code): State | undefined {
      if (endsLine(code)) return lineEnd(code);
      isClosed ||= code === CLOSING_BRACKET;
      effects.consume(code);
      return line;
    }

    function done(code: Code): State | undefined {
      effects.exit("chunkText");
      effects.exit("formulaLines");
      return ok(code);
    }
  },
};

/** For micromark: beside `math()`, whose tokens it uses. */
export const bracketedMath: Extension = {
  flow: { [BACKSLASH]: lines },
  text: {
    [BACKSLASH]: [
      formula({ open: PARENTHESIS, close: CLOSING_PARENTHESIS, type: "mathText" }),
      formula({ open: BRACKET, close: CLOSING_BRACKET, type: "displayedFormula" }),
    ],
  },
};

/** For the tree, beside `mathFromMarkdown()`: `\( ... \)` is `inlineMath`, `\[ ... \]` is `math`, also among words. */
export const bracketedMathFromMarkdown: TreeExtension = {
  enter: {
    displayedFormula(token) {
      this.enter({ type: "math", value: "" }, token);
      this.buffer();
    },
    formulaLines(token) {
      this.enter({ type: "paragraph", children: [] }, token);
    },
  },
  exit: {
    displayedFormula(token) {
      const value = this.resume();
      const node = this.stack.at(-1);
      if (node?.type === "math") node.value = value;
      this.exit(token);
    },
    formulaLines(token) {
      this.exit(token);
    },
  },
};
