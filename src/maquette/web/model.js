import { loadAndCompile, loadLiteRt, Tensor } from "@litertjs/core";

import { fetched } from "./fetched.js";

const ARRAYS = { float32: Float32Array, int32: Int32Array, uint8: Uint8Array };

/** The exported model. Its inputs and outputs have the names that export.json tells. */
export class Model {
  #compiled;
  #last = Promise.resolve();

  constructor(compiled, bytes) {
    this.#compiled = compiled;
    this.bytes = bytes;
  }

  /** Reads a .tflite file with a batch of 1, to run on the processor. */
  static async load(path, runtime) {
    const [content] = await Promise.all([
      fetched(path).then((response) => response.arrayBuffer()),
      loadLiteRt(new URL(runtime, document.baseURI).href),
    ]);
    const compiled = await loadAndCompile(new Uint8Array(content), { accelerator: "wasm" });
    return new Model(compiled, content.byteLength);
  }

  /**
   * Returns the outputs of an endpoint, flat typed arrays by name.
   * @param {string} endpoint
   * @param {Object<string, {type: string, shape: number[], values: ArrayLike<number>}>} inputs
   */
  run(endpoint, inputs) {
    // One call at a time: they share the memory of the model.
    const answer = this.#last.then(() => this.#run(endpoint, inputs));
    this.#last = answer.catch(() => {});
    return answer;
  }

  async #run(endpoint, inputs) {
    const tensors = Object.fromEntries(
      Object.entries(inputs).map(([name, { type, shape, values }]) => [
        name,
        new Tensor(ARRAYS[type].from(values), shape),
      ]),
    );
    const outputs = await this.#compiled.run(endpoint, tensors);
    const arrays = {};
    for (const [name, tensor] of Object.entries(outputs)) {
      arrays[name] = (await tensor.data()).slice();
      tensor.delete();
    }
    Object.values(tensors).forEach((tensor) => tensor.delete());
    return arrays;
  }

  /** Returns the largest difference from answers that Keras gave to the same inputs. */
  async largestError(checks) {
    let largest = 0;
    for (const { endpoint, inputs, outputs } of checks) {
      const decoded = Object.entries(inputs).map(([name, input]) => [
        name,
        { ...input, values: decode(input) },
      ]);
      const received = await this.run(endpoint, Object.fromEntries(decoded));
      for (const [name, output] of Object.entries(outputs)) {
        decode(output).forEach((value, index) => {
          const difference = Math.abs(value - received[name][index]);
          largest = Number.isNaN(difference) ? Infinity : Math.max(largest, difference);
        });
      }
    }
    return largest;
  }
}

function decode({ type, base64 }) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  return new ARRAYS[type](bytes.buffer);
}
