// Cropping and resizing as training did it: Pillow's ImageOps.fit with the bicubic filter.

const A = -0.5;
const SUPPORT = 2; // pixels

function bicubic(x) {
  const t = Math.abs(x);
  if (t < 1) return ((A + 2) * t - (A + 3)) * t * t + 1;
  if (t < 2) return (((t - 5) * t + 8) * t - 4) * A;
  return 0;
}

/** Returns, for each new pixel, the first old one that counts and the weights from there on. */
function weights(oldSize, start, length, newSize) {
  const scale = length / newSize;
  const stretch = Math.max(scale, 1); // when shrinking, the filter covers more pixels
  return Array.from({ length: newSize }, (_, index) => {
    const center = start + (index + 0.5) * scale;
    const first = Math.max(0, Math.floor(center - SUPPORT * stretch + 0.5));
    const last = Math.min(oldSize, Math.floor(center + SUPPORT * stretch + 0.5));
    const values = Array.from({ length: last - first }, (_, i) =>
      bicubic((first + i - center + 0.5) / stretch),
    );
    const sum = values.reduce((a, b) => a + b, 0);
    return { first, values: values.map((value) => value / sum) };
  });
}

/**
 * Resizes RGBA pixels along one axis; alpha is left out.
 * @param lines rows or columns to resize
 * @param plan what `weights` returned
 * @param from distances between neighbours of a line, and between lines, in pixels
 * @param to the same of the result
 */
function pass(pixels, lines, plan, from, to) {
  const result = new Uint8ClampedArray(lines * plan.length * 4); // rounds, as Pillow does here
  for (let line = 0; line < lines; line++) {
    for (let index = 0; index < plan.length; index++) {
      const { first, values } = plan[index];
      let place = 4 * (line * from.line + first * from.step);
      let [red, green, blue] = [0, 0, 0];
      for (let i = 0; i < values.length; i++, place += 4 * from.step) {
        red += values[i] * pixels[place];
        green += values[i] * pixels[place + 1];
        blue += values[i] * pixels[place + 2];
      }
      const target = 4 * (line * to.line + index * to.step);
      result[target] = red;
      result[target + 1] = green;
      result[target + 2] = blue;
    }
  }
  return result;
}

/** Returns the box of the middle, as wide and high in proportion as asked for. */
export function middle(width, height, newWidth, newHeight) {
  const isWide = width / height > newWidth / newHeight;
  const cropped = isWide
    ? [(newWidth / newHeight) * height, height]
    : [width, (width / newWidth) * newHeight];
  return {
    x: (width - cropped[0]) / 2,
    y: (height - cropped[1]) / 2,
    width: cropped[0],
    height: cropped[1],
  };
}

/**
 * Returns RGBA pixels, cropped to the middle and resized.
 * @param {{width: number, height: number, data: Uint8ClampedArray}} image
 */
export function fit({ width, height, data }, newWidth, newHeight) {
  if (width === newWidth && height === newHeight) return data;
  const box = middle(width, height, newWidth, newHeight);
  const columns = weights(width, box.x, box.width, newWidth);
  const rows = weights(height, box.y, box.height, newHeight);
  const narrow = { step: 1, line: newWidth };
  const across = pass(data, height, columns, { step: 1, line: width }, narrow);
  const upright = { step: newWidth, line: 1 };
  return pass(across, newWidth, rows, upright, upright);
}

/** Returns grey or colour values, uint8, of RGBA pixels. */
export function withChannels(pixels, channels) {
  const values = new Uint8Array((pixels.length / 4) * channels);
  for (let index = 0; index < pixels.length / 4; index++) {
    const [red, green, blue] = pixels.subarray(4 * index, 4 * index + 3);
    // Pillow's whole-number form of 0.299 R + 0.587 G + 0.114 B.
    if (channels === 1) values[index] = (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16;
    else values.set([red, green, blue], 3 * index);
  }
  return values;
}
