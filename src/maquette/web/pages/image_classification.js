import { imageChooser } from "../choosing.js";
import { Pad } from "../drawing.js";
import { Bars, element, section } from "../elements.js";
import { paint } from "../pictures.js";
import { fit, withChannels } from "../resize.js";

/** Shows a pad and a place for images, and the probability of each class beside them. */
export function show(main, model, settings) {
  const [height, width, channels] = settings.shape;
  const bars = new Bars(settings.labels);
  const seen = element("canvas", { className: "seen", id: "seen", width, height });
  seen.setAttribute("role", "img");
  seen.setAttribute("aria-label", "The image as the model sees it");
  let asked = 0;

  async function classify(pixels) {
    const number = ++asked;
    const values = withChannels(fit(pixels, width, height), channels);
    paint(seen, values, settings.shape);
    const image = { type: "uint8", shape: [1, height, width, channels], values };
    const { probabilities } = await model.run("classify", { image });
    if (number === asked) bars.show(probabilities);
  }

  function wiped() {
    asked++;
    bars.clear();
    seen.getContext("2d").clearRect(0, 0, width, height);
  }

  const chooser = imageChooser(classify);
  if (settings.drawing) {
    const pad = new Pad(settings.drawing, (pixels) => (pixels ? classify(pixels) : wiped()));
    main.append(section("Draw", ...pad.parts));
  }
  main.append(
    section("Classes", bars.list),
    section("Image", chooser),
    section("As the model sees it", seen),
  );
}
