// Takes a text apart as training did: see the head of maquette/text/vocabulary.py.

const PADDING = 0;
const UNKNOWN = 1;
const BREAK = /(?:^|'*[^\p{L}\p{M}\p{N}'])[^\p{L}\p{M}\p{N}]*|'+$/gu;

/** Returns the words of a text, in lower case. */
export function splitWords(text) {
  const alike = text.replaceAll("İ", "i").replaceAll("\u2019", "'");
  return alike.toLowerCase().replace(BREAK, " ").split(" ").filter(Boolean);
}

/** The words that a model knows; a word's number is its line in vocabulary.txt, from 0. */
export class Vocabulary {
  constructor(text) {
    this.entries = text.replace(/\n$/, "").split("\n");
    this.numbers = new Map(this.entries.map((word, number) => [word, number]));
  }

  /** Returns the number of a word, 1 for one that is not there. */
  number(word) {
    return this.numbers.get(word) ?? UNKNOWN;
  }

  /** Returns the numbers of the first `length` words of a text, 0 after its end. */
  encode(text, length) {
    const numbers = splitWords(text)
      .slice(0, length)
      .map((word) => this.number(word));
    return [...numbers, ...Array(length - numbers.length).fill(PADDING)];
  }

  knows(word) {
    return this.number(word) !== UNKNOWN;
  }
}
