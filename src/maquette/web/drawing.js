import { button, element } from "./elements.js";

const SIDE = 320; // pixels
const INK = 40; // least difference from the background, of 255
const PEN = 0.09; // of the side

/**
 * A pad to draw on. What is drawn gets the place, size and colours of the training images.
 * @param {{ink: number, background: number, extent: number}} style of those images: grey values
 *   of 0 to 255, and the share of the frame that a drawing takes
 * @param {(pixels: ImageData | null) => void} changed called with a square picture, or null when
 *   the pad was wiped
 */
export class Pad {
  constructor(style, changed) {
    this.style = style;
    this.changed = changed;
    this.canvas = element("canvas", { width: SIDE, height: SIDE, className: "pad" });
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", "Pad to draw on with mouse, pen or finger");
    this.context = this.canvas.getContext("2d", { willReadFrequently: true });
    this.parts = [
      this.canvas,
      element(
        "div",
        { className: "row" },
        button("Wipe", () => this.wipe()),
      ),
    ];
    this.canvas.addEventListener("pointerdown", (event) => this.#begin(event));
    this.canvas.addEventListener("pointermove", (event) => this.#go(event));
    this.canvas.addEventListener("pointerup", () => this.#end());
    this.canvas.addEventListener("pointercancel", () => this.#end());
    this.#clear();
  }

  wipe() {
    this.#clear();
    this.changed(null);
  }

  #clear() {
    this.context.fillStyle = grey(this.style.background);
    this.context.fillRect(0, 0, SIDE, SIDE);
  }

  #at(event) {
    const box = this.canvas.getBoundingClientRect();
    return [
      ((event.clientX - box.left) * SIDE) / box.width,
      ((event.clientY - box.top) * SIDE) / box.height,
    ];
  }

  #begin(event) {
    this.canvas.setPointerCapture(event.pointerId);
    this.last = this.#at(event);
    this.#line(this.last);
  }

  #go(event) {
    if (this.last)
      for (const each of event.getCoalescedEvents?.() ?? [event]) this.#line(this.#at(each));
  }

  #line(point) {
    Object.assign(this.context, {
      strokeStyle: grey(this.style.ink),
      lineWidth: PEN * SIDE,
      lineCap: "round",
      lineJoin: "round",
    });
    this.context.beginPath();
    this.context.moveTo(...this.last);
    this.context.lineTo(...point);
    this.context.stroke();
    this.last = point;
  }

  #end() {
    if (!this.last) return;
    this.last = null;
    const box = this.#inked();
    if (box) this.changed(this.#framed(box));
  }

  /** Returns the box around what is drawn, or null. */
  #inked() {
    const { data } = this.context.getImageData(0, 0, SIDE, SIDE);
    let [left, top, right, bottom] = [SIDE, SIDE, -1, -1];
    for (let i = 0; i < SIDE * SIDE; i++) {
      if (Math.abs(data[4 * i] - this.style.background) < INK) continue;
      const [x, y] = [i % SIDE, Math.floor(i / SIDE)];
      [left, right] = [Math.min(left, x), Math.max(right, x)];
      [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
    }
    return right < 0 ? null : { left, top, width: right - left + 1, height: bottom - top + 1 };
  }

  /** Returns what is drawn in the middle of a frame, as large as in the training images. */
  #framed({ left, top, width, height }) {
    const canvas = new OffscreenCanvas(SIDE, SIDE);
    const context = canvas.getContext("2d");
    context.fillStyle = grey(this.style.background);
    context.fillRect(0, 0, SIDE, SIDE);
    context.imageSmoothingQuality = "high";
    const scale = (this.style.extent * SIDE) / Math.max(width, height);
    const [newWidth, newHeight] = [width * scale, height * scale];
    context.drawImage(
      this.canvas,
      left,
      top,
      width,
      height,
      (SIDE - newWidth) / 2,
      (SIDE - newHeight) / 2,
      newWidth,
      newHeight,
    );
    return context.getImageData(0, 0, SIDE, SIDE);
  }
}

function grey(value) {
  return `rgb(${value} ${value} ${value})`;
}
