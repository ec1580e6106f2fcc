import { button, element, section } from "../elements.js";
import { imageData, paint } from "../pictures.js";

const GRID = 7;
const MOST_SLIDERS = 40;

/** Shows sliders of the noise, the picture they give, and a grid of pictures over two of them. */
export function show(main, model, settings) {
  const { size, low, high } = settings;
  const noise = new Float32Array(size);
  const picture = element("canvas", { className: "picture", id: "picture" });
  const grid = element("canvas", { className: "grid", id: "grid" });
  label(picture, "The picture of these numbers");
  label(grid, "Pictures over two of the numbers; click one to take its numbers");
  const sliders = Array.from({ length: Math.min(size, MOST_SLIDERS) }, (_, i) => slider(i));
  const [across, down] = [axis("across", 0), axis("down", Math.min(1, size - 1))];
  let asked = 0;
  let isDrawing = false;

  async function generate(values) {
    const input = { type: "float32", shape: [1, size], values };
    return (await model.run(settings.endpoint, { noise: input }))[settings.output];
  }

  async function draw() {
    asked++;
    if (isDrawing) return; // what is under way looks again when it is done
    isDrawing = true;
    try {
      for (let number = 0; number !== asked; ) {
        number = asked;
        paint(picture, await generate(noise), settings.shape, 1);
        await drawGrid(number);
      }
    } finally {
      isDrawing = false;
    }
  }

  async function drawGrid(number) {
    const [height, width] = settings.shape;
    const whole = new OffscreenCanvas(GRID * width, GRID * height);
    for (let cell = 0; cell < GRID * GRID; cell++) {
      const values = await generate(numbersOf(cell));
      if (number !== asked) return; // the sliders have moved on
      whole
        .getContext("2d")
        .putImageData(
          imageData(values, settings.shape, 1),
          (cell % GRID) * width,
          Math.floor(cell / GRID) * height,
        );
    }
    Object.assign(grid, { width: whole.width, height: whole.height });
    grid.getContext("2d").drawImage(whole, 0, 0);
    grid.dataset.drawn = number;
  }

  function numbersOf(cell) {
    const values = noise.slice();
    const at = (index) => low + ((high - low) * index) / (GRID - 1);
    values[down.value] = at(Math.floor(cell / GRID));
    values[across.value] = at(cell % GRID);
    return values;
  }

  function set(values) {
    noise.set(values);
    sliders.forEach((each) => each.update());
    draw();
  }

  function slider(index) {
    const input = element("input", {
      type: "range",
      min: low,
      max: high,
      step: 0.01,
      id: `noise-${index}`,
    });
    const shown = element("output");
    const update = () => {
      input.value = noise[index];
      shown.textContent = noise[index].toFixed(2);
    };
    input.addEventListener("input", () => {
      noise[index] = input.valueAsNumber;
      update();
      draw();
    });
    update();
    return { update, row: element("label", {}, `${index + 1}`, input, shown) };
  }

  function axis(name, chosen) {
    const options = sliders.map((_, i) =>
      element("option", { value: i, textContent: i + 1, selected: i === chosen }),
    );
    const select = element("select", { id: name, onchange: draw }, ...options);
    select.setAttribute("aria-label", `Number that changes ${name}`);
    return select;
  }

  grid.addEventListener("click", (event) => {
    const box = grid.getBoundingClientRect();
    const cell = (position, length) => Math.min(GRID - 1, Math.floor((GRID * position) / length));
    set(
      numbersOf(
        GRID * cell(event.clientY - box.top, box.height) +
          cell(event.clientX - box.left, box.width),
      ),
    );
  });
  const random = settings.normal ? gaussian : () => uniform(low, high);
  const renew = () => set(noise.map(random));
  const buttons = [
    button("Draw new numbers", renew),
    button("All to zero", () => set(new Float32Array(size))),
  ];
  const rest = size > MOST_SLIDERS ? `The first ${MOST_SLIDERS} of ${size} numbers.` : "";
  const numbers = section(
    "Numbers",
    element("div", { className: "sliders" }, ...sliders.map((each) => each.row)),
    element("p", { className: "muted", textContent: rest }),
  );
  numbers.className = "whole";
  main.append(
    section("Picture", picture, element("div", { className: "row" }, ...buttons)),
    section("Grid", grid, element("div", { className: "row" }, "across", across, "down", down)),
    numbers,
  );
  renew(); // zeros alone look like no example that training has seen
}

function label(canvas, text) {
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", text);
}

function uniform(low, high) {
  return low + (high - low) * Math.random();
}

function gaussian() {
  return Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
}
