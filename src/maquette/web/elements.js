// The few pieces that the pages are made of.

const MOST_BARS = 10;

/** Returns a new element: properties are set, children (elements or texts) are put into it. */
export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/** Returns a section below a heading. */
export function section(heading, ...children) {
  return element("section", {}, element("h2", { textContent: heading }), ...children);
}

/** Returns a button. */
export function button(text, action) {
  return element("button", { type: "button", textContent: text, onclick: action });
}

/** A list of probabilities, the largest first. */
export class Bars {
  constructor(labels) {
    this.labels = labels;
    this.list = element("ol", { className: "bars" });
    this.list.setAttribute("aria-live", "polite");
    this.clear();
  }

  clear() {
    this.list.replaceChildren(element("li", { className: "muted", textContent: "Nothing yet." }));
  }

  show(probabilities) {
    const order = [...probabilities.keys()].sort((a, b) => probabilities[b] - probabilities[a]);
    this.list.replaceChildren(
      ...order.slice(0, MOST_BARS).map((index) => this.#item(index, probabilities[index])),
    );
  }

  #item(index, probability) {
    const filled = element("i");
    filled.style.width = `${100 * probability}%`;
    const name = this.labels[index] ?? `class ${index}`;
    const item = element(
      "li",
      {},
      element("span", { className: "name", textContent: name }),
      element("span", { className: "value", textContent: `${(100 * probability).toFixed(1)} %` }),
      element("span", { className: "bar", ariaHidden: "true" }, filled),
    );
    Object.assign(item.dataset, { name, probability });
    return item;
  }
}
