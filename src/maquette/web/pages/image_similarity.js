import { imageChooser } from "../choosing.js";
import { Pad } from "../drawing.js";
import { element, section } from "../elements.js";
import { paint } from "../pictures.js";
import { fit, withChannels } from "../resize.js";

/** Shows two places for images, and whether both show the same. */
export function show(main, model, settings) {
  const verdict = element("p", {
    className: "big",
    textContent: "Give two images.",
    id: "verdict",
  });
  const numbers = element("p", { className: "muted", id: "numbers" });
  verdict.setAttribute("aria-live", "polite");
  const images = {};
  let asked = 0;

  async function compare() {
    const number = ++asked;
    if (!images.image_a || !images.image_b) return;
    const { probability, distance } = await model.run("compare", images);
    if (number !== asked) return;
    verdict.textContent = probability[0] > 0.5 ? "The same" : "Different";
    const percent = (100 * probability[0]).toFixed(1);
    numbers.textContent = `probability of the same ${percent} %, distance ${distance[0].toFixed(3)}`;
    Object.assign(numbers.dataset, { probability: probability[0], distance: distance[0] });
  }

  function take(name, image) {
    images[name] = image;
    compare();
  }

  main.append(
    place("First image", "image_a", settings, take),
    place("Second image", "image_b", settings, take),
    section("Verdict", verdict, numbers),
  );
}

function place(heading, name, { shape, drawing }, take) {
  const [height, width, channels] = shape;
  const seen = element("canvas", { className: "seen", id: `seen-${name}`, width, height });
  seen.setAttribute("role", "img");
  seen.setAttribute("aria-label", `${heading} as the model sees it`);

  function chosen(pixels) {
    if (!pixels) return;
    const values = withChannels(fit(pixels, width, height), channels);
    paint(seen, values, shape);
    take(name, { type: "uint8", shape: [1, height, width, channels], values });
  }

  const pad = drawing ? new Pad(drawing, chosen).parts : [];
  const told = element("p", { className: "muted", textContent: "As the model sees it:" });
  const made = section(heading, ...pad, imageChooser(chosen, false), told, seen);
  made.id = name;
  return made;
}
