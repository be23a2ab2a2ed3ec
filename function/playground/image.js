// The input of a model that takes a picture: draw it, drop it, paste it, choose or photograph it.

import { call } from "./api.js";
import { drawingPad } from "./canvas.js";
import { h, newId } from "./dom.js";

/** Gray pictures of so many pixels a side can be drawn; smaller ones are digits, letters, sketches. */
const MOST_DRAWN = 64;
const DRAWN_FIRST = 32;
const MOST_BYTES = 4_000_000;
const MOST_PIXELS = 16_000_000;
const SHRUNK_SIDE = 2048;
const SENT_AS_IT_IS = new Set(["image/png", "image/jpeg", "image/webp", "image/gif", "image/bmp"]);

export function createInput(card, changed) {
  const drawable = canDraw(card);
  let picture = null;
  const drawnFirst = drawable && Math.max(...card.size) <= DRAWN_FIRST;
  let drawing = drawnFirst;

  const pad = drawingPad((emptied) => changed({ fresh: emptied === true }));
  const shown = h("img", { class: "shown", alt: "", hidden: true, onerror: () => empty() });
  const chooser = h("input", { type: "file", accept: "image/*", class: "off-screen", id: newId("file") });
  const camera = h("input", { type: "file", accept: "image/*", capture: "environment", class: "off-screen camera", id: newId("camera") });
  for (const field of [chooser, camera]) {
    field.addEventListener("change", () => take(field.files[0]).then(() => (field.value = "")));
  }
  const zone = h(
    "div",
    { class: "zone" },
    shown,
    h("p", { class: "zone-hint" }, h("b", {}, "Drop a picture here"), h("br"), "or paste one"),
  );
  const invert = h("input", { type: "checkbox", id: newId("invert"), onchange: () => pad.invert(invert.checked) });
  const inkLabel = h("label", { for: invert.id }, "White ink");
  const padBar = h(
    "div",
    { class: "bar" },
    h("button", { type: "button", class: "quiet", onclick: () => pad.undo() }, "Undo"),
    h("button", { type: "button", class: "quiet", onclick: () => pad.clear() }, "Clear"),
    h("span", { class: "check" }, invert, inkLabel),
  );
  const zoneBar = h(
    "div",
    { class: "bar" },
    chooser,
    h("label", { for: chooser.id, class: "button" }, "Choose a picture"),
    camera,
    h("label", { for: camera.id, class: "button camera" }, "Take a photo"),
  );
  const tabs = ["Draw", "Picture"].map((word) =>
    h("button", { type: "button", class: "tab", onclick: () => setMode(word === "Draw", true) }, word),
  );
  const seen = seenByTheNetwork(card, () => sendable());

  const element = h(
    "div",
    { class: "image-input" },
    h("div", { class: "stage" }, pad.element, zone),
    padBar,
    zoneBar,
  );

  function setMode(draw, byHand = false) {
    drawing = draw;
    for (const part of [pad.element, padBar]) part.hidden = !draw;
    for (const part of [zone, zoneBar]) part.hidden = draw;
    tabs.forEach((tab, index) => tab.setAttribute("aria-pressed", String((index === 0) === draw)));
    if (byHand) changed({ fresh: true });
  }

  /** What is no picture has no preview. */
  function empty() {
    shown.hidden = true;
    zone.classList.remove("filled");
  }

  function show(instance) {
    picture = instance;
    shown.src = urlOf(instance);
    shown.alt = `The picture ${instance.name}`;
    shown.hidden = false;
    zone.classList.add("filled");
    setMode(false);
  }

  async function take(file) {
    if (!file) return;
    show({ blob: await fitting(file), name: file.name || "picture.png" });
    changed({ fresh: true });
  }

  /** Few recipes turn ink and paper around: a pad that is unlike the samples would be misread. */
  async function compareInk(blob) {
    const dark = (await brightness(blob)) < 0.4;
    inkLabel.textContent = dark ? "White ink, as in samples" : "White ink";
  }

  async function sendable() {
    if (!drawing) return picture;
    return pad.isEmpty() ? null : { blob: await pad.picture(), name: "drawing.png" };
  }

  function onPaste(event) {
    const file = [...(event.clipboardData?.files ?? [])].find((one) => one.type.startsWith("image/"));
    if (!file) return;
    event.preventDefault();
    take(file);
  }
  document.addEventListener("paste", onPaste);

  element.addEventListener("dragover", (event) => {
    event.preventDefault();
    element.classList.add("over");
  });
  element.addEventListener("dragleave", (event) => {
    if (!element.contains(event.relatedTarget)) element.classList.remove("over");
  });
  element.addEventListener("drop", (event) => {
    event.preventDefault();
    element.classList.remove("over");
    take(event.dataTransfer.files[0]);
  });

  setMode(drawnFirst);
  return {
    element,
    head: drawable ? h("div", { class: "tabs", role: "group", "aria-label": "How to give a picture" }, tabs) : null,
    aside: seen?.element,
    read: sendable,
    show,
    answered: () => seen?.refresh(),
    remove: () => document.removeEventListener("paste", onPaste),
    bodyOf,
    fromPayload({ image }, name) {
      const instance = { blob: blobOf(image), name: fileName(name) };
      compareInk(instance.blob);
      return instance;
    },
    thumbOf: (instance) => h("img", { src: urlOf(instance), alt: "", class: "thumb" }),
    codeOf: (instance) => ({ file: instance?.name ?? "picture.png", save: instance && (() => save(instance)) }),
    live: !drawnFirst,
    emptyText: drawnFirst ? "Draw something, or take a sample." : "Give it a picture, or take a sample.",
  };
}

/** Whether the model takes one small gray picture. */
function canDraw({ size, inputs }) {
  if (!size || Math.max(...size) > MOST_DRAWN) return false;
  const values = inputs[0].shape.slice(1).reduce((product, axis) => product * axis, 1);
  return values === size[0] * size[1];
}

function bodyOf({ blob, name }) {
  const form = new FormData();
  form.append("file", blob, name);
  return { body: form };
}

/** Shrink what a front would not carry, and turn what the service does not read into JPEG. */
async function fitting(file) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    return file; // the service says what it is
  }
  const pixels = bitmap.width * bitmap.height;
  if (SENT_AS_IT_IS.has(file.type) && file.size <= MOST_BYTES && pixels <= MOST_PIXELS) return file;
  const scale = Math.min(1, SHRUNK_SIDE / Math.max(bitmap.width, bitmap.height));
  const canvas = h("canvas", {
    width: Math.round(bitmap.width * scale),
    height: Math.round(bitmap.height * scale),
  });
  canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.92));
}

/** The picture as the recipe hands it to the network; asked for only while it is open. */
function seenByTheNetwork(card, sendable) {
  if (!card.size) return null;
  const [height, width] = card.size;
  const image = h("img", { class: "seen", alt: "The picture as the network gets it", hidden: true });
  const note = h("p", { class: "muted" });
  const element = h(
    "details",
    { class: "seen-by", ontoggle: refresh },
    h("summary", {}, "What the network sees ", h("span", { class: "muted" }, `${width} × ${height}`)),
    h("div", { class: "seen-frame" }, image, note),
  );
  image.classList.toggle("pixels", Math.max(...card.size) <= 2 * MOST_DRAWN);

  async function refresh() {
    if (!element.open) return;
    const instance = await sendable();
    try {
      if (!instance) throw new Error("Nothing yet.");
      const response = await call(`${card.path}/preview`, { method: "POST", ...bodyOf(instance) });
      image.src = `data:image/png;base64,${(await response.json()).image}`;
      image.hidden = false;
      note.textContent = "";
    } catch (error) {
      image.hidden = true;
      note.textContent = error.message;
    }
  }
  return { element, refresh };
}

/** How light a picture is on average, from 0 to 1; 1 if it cannot be told. */
async function brightness(blob) {
  const context = h("canvas", { width: 1, height: 1 }).getContext("2d");
  context.imageSmoothingQuality = "high";
  try {
    context.drawImage(await createImageBitmap(blob), 0, 0, 1, 1);
  } catch {
    return 1;
  }
  const [red, green, blue, alpha] = context.getImageData(0, 0, 1, 1).data;
  return alpha < 255 ? 1 : (red + green + blue) / 765;
}

const urls = new WeakMap();
function urlOf(instance) {
  if (!urls.has(instance)) urls.set(instance, URL.createObjectURL(instance.blob));
  return urls.get(instance);
}

function blobOf(base64) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  return new Blob([bytes], { type: typeOf(bytes) });
}

function typeOf([first]) {
  return { 0x89: "image/png", 0xff: "image/jpeg", 0x47: "image/gif", 0x52: "image/webp", 0x42: "image/bmp" }[first] ?? "";
}

const fileName = (name) => (/\.\w{3,4}$/.test(name) ? name : `${name.replace(/\W+/g, "-")}.png`);

function save(instance) {
  h("a", { href: urlOf(instance), download: instance.name }).click();
}
