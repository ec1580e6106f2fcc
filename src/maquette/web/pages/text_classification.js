import { Bars, element, section } from "../elements.js";
import { fetched } from "../fetched.js";
import { splitWords, Vocabulary } from "../words.js";

const DELAY = 150; // ms without a key

/** Shows a field for a text, and the probability of each class below it. */
export async function show(main, model, settings) {
  const vocabulary = new Vocabulary(await (await fetched("vocabulary.txt")).text());
  const field = element("textarea", { id: "text", placeholder: "Type or paste a text." });
  field.setAttribute("aria-label", "Text");
  const words = element("p", { className: "words", id: "words" });
  const bars = new Bars(settings.labels);

  async function classify() {
    const text = field.value;
    if (!splitWords(text).length) {
      bars.clear();
      words.replaceChildren();
      return;
    }
    const ids = vocabulary.encode(text, settings.length);
    const input = { type: "int32", shape: [1, settings.length], values: ids };
    const { probabilities } = await model.run("classify", { ids: input });
    if (text !== field.value) return; // a newer text is on its way
    bars.show(probabilities);
    words.replaceChildren(...readWords(text, vocabulary, settings.length));
  }

  let waiting;
  field.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(classify, DELAY);
  });
  main.append(section("Text", field, words), section("Classes", bars.list));
}

/** Returns the words as the model reads them, those that it does not know marked. */
function readWords(text, vocabulary, length) {
  const words = splitWords(text);
  const shown = words
    .slice(0, length)
    .flatMap((word) => [
      vocabulary.knows(word) ? word : element("s", { textContent: word, title: "unknown word" }),
      " ",
    ]);
  const known = words.filter((word) => vocabulary.knows(word)).length;
  const rest = words.length > length ? `, reads the first ${length}` : "";
  return [...shown, element("br"), `knows ${known} of ${words.length} words${rest}`];
}
