import { button, element } from "./elements.js";
import { pixelsOf, readImage } from "./pictures.js";

const FRAMES = 5; // a second, at most

/**
 * Returns a place to drop an image on, paste it into, choose it, or take it with a camera.
 * @param {(pixels: ImageData) => Promise<void> | void} chosen
 * @param {boolean} pastes whether it takes what is pasted anywhere on the page
 */
export function imageChooser(chosen, pastes = true) {
  const message = element("p", {
    className: "muted",
    textContent: `Drop ${pastes ? "or paste " : ""}an image here.`,
  });
  message.setAttribute("role", "status");

  async function take(file) {
    if (!file) return;
    try {
      chosen(await readImage(file));
      message.textContent = file.name || "image";
    } catch (error) {
      message.textContent = error.message;
    }
  }

  const input = element("input", {
    type: "file",
    accept: "image/*",
    className: "hidden-input",
  });
  input.addEventListener("change", () => take(input.files[0]));
  const label = element("label", { className: "button" }, input, "Choose an image");
  const row = element("div", { className: "row" }, label);
  const place = element("div", { className: "drop" }, message, row);
  if (navigator.mediaDevices?.getUserMedia) row.append(...camera(place, chosen, message));

  place.addEventListener("dragover", (event) => {
    event.preventDefault();
    place.classList.add("over");
  });
  place.addEventListener("dragleave", () => place.classList.remove("over"));
  place.addEventListener("drop", (event) => {
    event.preventDefault();
    place.classList.remove("over");
    take(event.dataTransfer.files[0]);
  });
  if (pastes) document.addEventListener("paste", (event) => take(event.clipboardData.files[0]));
  return place;
}

/** Returns a button that switches a camera on and off. */
function camera(place, chosen, message) {
  const video = element("video", { muted: true, playsInline: true, hidden: true });
  const toggle = button("Camera", () => (video.srcObject ? stop() : start()));

  async function start() {
    try {
      const wanted = { video: { facingMode: "environment" } };
      video.srcObject = await navigator.mediaDevices.getUserMedia(wanted);
    } catch (error) {
      message.textContent = `no camera: ${error.message}`;
      return;
    }
    await video.play();
    video.hidden = false;
    toggle.textContent = "Camera off";
    while (video.srcObject) {
      await chosen(pixelsOf(video, video.videoWidth, video.videoHeight));
      await new Promise((done) => setTimeout(done, 1000 / FRAMES));
    }
  }

  function stop() {
    video.srcObject.getTracks().forEach((track) => track.stop());
    video.srcObject = null;
    video.hidden = true;
    toggle.textContent = "Camera";
  }

  place.append(video);
  return [toggle];
}
