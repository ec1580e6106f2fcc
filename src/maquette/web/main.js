// Loads the model, checks it against one answer of Keras, and shows the page of its task.

import { fetched } from "./fetched.js";
import { Model } from "./model.js";

const status = document.getElementById("status");
const main = document.getElementById("page");

function tell(text, kind = "") {
  status.textContent = text;
  status.className = kind;
}

async function start() {
  const demo = await (await fetched("demo.json")).json();
  tell("Loading the model …");
  const model = await Model.load("model.tflite", "litert/core/wasm/");
  window.model = model; // to be tried in the browser's console: await model.run(...)
  const error = await model.largestError(demo.checks);
  const page = await import(`./pages/${demo.page}.js`);
  await page.show(main, model, demo.settings);
  main.removeAttribute("aria-busy");
  const kilobytes = Math.round(model.bytes / 1000).toLocaleString("en");
  if (error <= demo.tolerance) {
    tell(
      `Ready: ${kilobytes} kB; its answer differs from that of Keras by ${error.toExponential(1)}.`,
      "good",
    );
  } else {
    tell(`This browser computes something else than Keras did: it differs by ${error}.`, "bad");
  }
}

start().catch((error) => {
  console.error(error);
  tell(`It does not run here: ${error.message ?? error}`, "bad");
});
