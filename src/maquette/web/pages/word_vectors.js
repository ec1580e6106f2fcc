import { element, section } from "../elements.js";
import { fetched } from "../fetched.js";
import { splitWords, Vocabulary } from "../words.js";

/** Shows the nearest words of a word, and how near two words are. */
export async function show(main, model) {
  const vocabulary = new Vocabulary(await (await fetched("vocabulary.txt")).text());
  main.append(neighbours(model, vocabulary), similarity(model, vocabulary));
}

function neighbours(model, vocabulary) {
  const rows = element("ol", { id: "neighbours" });
  const message = element("p", { className: "muted" });
  const field = wordField("Word", vocabulary, message, async ([id]) => {
    const outputs = await model.run("neighbours", { ids: scalar(id) });
    const words = [...outputs.neighbours].map((number) => vocabulary.entries[number]);
    rows.replaceChildren(
      ...words.map((word, i) => element("li", {}, `${word} ${outputs.similarity[i].toFixed(3)}`)),
    );
  });
  return section("Nearest words", field, message, rows);
}

function similarity(model, vocabulary) {
  const answer = element("p", { className: "big", id: "similarity" });
  const message = element("p", { className: "muted" });
  const field = wordField("Two words", vocabulary, message, async ([first, second]) => {
    if (second === undefined) return;
    const outputs = await model.run("similarity", { first: scalar(first), second: scalar(second) });
    answer.textContent = outputs.similarity[0].toFixed(3);
  });
  return section("How near are two words?", field, message, answer);
}

function wordField(label, vocabulary, message, found) {
  const field = element("input", { type: "text", placeholder: label, spellcheck: false });
  field.setAttribute("aria-label", label);
  field.addEventListener("input", () => {
    const words = splitWords(field.value);
    const unknown = words.filter((word) => !vocabulary.knows(word));
    message.textContent = unknown.length ? `not in the vocabulary: ${unknown.join(", ")}` : "";
    if (words.length && !unknown.length) found(words.map((word) => vocabulary.number(word)));
  });
  return field;
}

function scalar(value) {
  return { type: "int32", shape: [1], values: [value] };
}
