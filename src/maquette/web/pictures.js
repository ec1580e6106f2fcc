// Pictures from files, and to canvases.

const MOST_PIXELS = 16e6; // what the canvas of a phone can hold

/** Returns the pixels of an image file, upright, on white. */
export async function readImage(file) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { colorSpaceConversion: "none" });
  } catch {
    throw new Error(`${file.name ?? "this"} is no image that this browser reads`);
  }
  const pixels = pixelsOf(bitmap, bitmap.width, bitmap.height);
  bitmap.close();
  return pixels;
}

/** Returns the pixels of a bitmap, a video or a canvas. */
export function pixelsOf(source, width, height) {
  const shrink = Math.min(1, Math.sqrt(MOST_PIXELS / (width * height)));
  const canvas = new OffscreenCanvas(Math.round(width * shrink), Math.round(height * shrink));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

/**
 * Draws values on a canvas that takes their size.
 * @param values of 0 to `white`, height x width x channels
 */
export function paint(canvas, values, [height, width, channels], white = 255) {
  canvas.width = width;
  canvas.height = height;
  canvas.getContext("2d").putImageData(imageData(values, [height, width, channels], white), 0, 0);
}

/** Returns values as what a canvas takes. */
export function imageData(values, [height, width, channels], white = 255) {
  const image = new ImageData(width, height);
  for (let pixel = 0; pixel < height * width; pixel++) {
    for (let channel = 0; channel < 3; channel++) {
      const value = values[pixel * channels + (channels === 1 ? 0 : channel)];
      image.data[4 * pixel + channel] = (255 * value) / white;
    }
    image.data[4 * pixel + 3] = 255;
  }
  return image;
}
