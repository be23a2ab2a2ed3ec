// A pad to draw on, by mouse, pen, finger or keyboard.

import { h, newId } from "./dom.js";

const SIDE = 280;
const PEN = 20;
const STEP = 8;
/** How far the keyboard's pen moves by one key, in pixels of the pad. */
const MOVES = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };

/**
 * Make a pad.
 * @param changed is called after each piece of a stroke; with true after the pad was emptied
 */
export function drawingPad(changed) {
  const hint = newId("hint");
  const canvas = h("canvas", {
    width: SIDE,
    height: SIDE,
    class: "pad",
    tabindex: 0,
    role: "application",
    "aria-label": "Drawing pad",
    "aria-describedby": hint,
  });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const undone = [];
  let inverted = false;
  let empty = true;
  let from = null;
  let keyPen = { at: [SIDE / 2, SIDE / 4], down: false };

  const colours = () => (inverted ? ["#000", "#fff"] : ["#fff", "#000"]);

  function wipe() {
    [context.fillStyle] = colours();
    context.fillRect(0, 0, SIDE, SIDE);
    empty = true;
    canvas.classList.add("empty");
  }

  function line(start, end) {
    [, context.strokeStyle] = colours();
    context.lineWidth = PEN;
    context.lineCap = context.lineJoin = "round";
    context.beginPath();
    context.moveTo(...start);
    context.lineTo(...end);
    context.stroke();
    empty = false;
    canvas.classList.remove("empty");
  }

  function remember() {
    undone.push({ pixels: context.getImageData(0, 0, SIDE, SIDE), empty });
    if (undone.length > 30) undone.shift();
  }

  function placeOf(event) {
    const box = canvas.getBoundingClientRect();
    const scale = SIDE / box.width;
    return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    remember();
    from = placeOf(event);
    line(from, from);
    changed();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!from) return;
    for (const one of event.getCoalescedEvents?.() ?? [event]) {
      const to = placeOf(one);
      line(from, to);
      from = to;
    }
    changed();
  });
  const lift = () => {
    if (from) changed();
    from = null;
  };
  canvas.addEventListener("pointerup", lift);
  canvas.addEventListener("pointercancel", lift);

  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey && event.key === "z") return void pad.undo();
    const move = MOVES[event.key];
    if (move) {
      const to = keyPen.at.map((value, axis) => Math.min(SIDE, Math.max(0, value + move[axis])));
      if (keyPen.down) line(keyPen.at, to);
      keyPen.at = to;
    } else if (event.key === " ") {
      keyPen.down = !keyPen.down;
      if (keyPen.down) {
        remember();
        line(keyPen.at, keyPen.at);
      }
    } else if (event.key === "Escape") {
      return void pad.clear();
    } else {
      return;
    }
    event.preventDefault();
    place.hidden = false;
    place.style.left = `${(keyPen.at[0] / SIDE) * 100}%`;
    place.style.top = `${(keyPen.at[1] / SIDE) * 100}%`;
    place.classList.toggle("down", keyPen.down);
    if (keyPen.down) changed();
  });
  canvas.addEventListener("blur", () => {
    keyPen.down = false;
    place.hidden = true;
  });

  const place = h("span", { class: "pen-place", "aria-hidden": "true", hidden: true });
  const pad = {
    element: h(
      "div",
      { class: "pad-frame" },
      canvas,
      h("span", { class: "pad-hint", "aria-hidden": "true" }, "Draw here"),
      place,
      h(
        "p",
        { id: hint, class: "off-screen" },
        "Draw with a pointer, or by keyboard: the arrow keys move the pen, the space bar puts it down or lifts it, Escape empties the pad. Samples and files do as well.",
      ),
    ),
    isEmpty: () => empty,
    clear() {
      if (!empty) remember();
      wipe();
      changed(true);
    },
    undo() {
      const before = undone.pop();
      if (!before) return;
      context.putImageData(before.pixels, 0, 0);
      empty = before.empty;
      canvas.classList.toggle("empty", empty);
      changed(empty);
    },
    invert(on) {
      inverted = on;
      canvas.classList.toggle("dark", on);
      undone.length = 0;
      const image = context.getImageData(0, 0, SIDE, SIDE);
      for (let i = 0; i < image.data.length; i++) if (i % 4 !== 3) image.data[i] = 255 - image.data[i];
      context.putImageData(image, 0, 0);
      if (!empty) changed();
    },
    picture: () => new Promise((resolve) => canvas.toBlob(resolve, "image/png")),
  };
  wipe();
  return pad;
}
