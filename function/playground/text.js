// The input of a model that takes a text.

import { h, newId } from "./dom.js";
import { json } from "./row.js";

export function createInput(card, changed) {
  const id = newId("text");
  const field = h("textarea", { id, rows: 7, spellcheck: "false", oninput: () => changed({ written: true }) });
  let parts = null;
  show(card.example);

  /** A model may take several strings as one instance; they stand in lines of their own. */
  function show(text) {
    parts = Array.isArray(text) ? text.length : null;
    field.value = parts ? text.join("\n") : text;
  }

  function read() {
    if (!parts) return field.value === "" ? null : field.value;
    const lines = field.value.split("\n");
    if (lines.length !== parts) throw new Error(`${parts} lines are needed, one for each string.`);
    return lines;
  }

  return {
    element: h("div", { class: "text-input" }, h("label", { for: id }, parts ? "Texts, a line each" : "Text"), field),
    read,
    show,
    bodyOf: (text) => json({ texts: [text] }),
    fromPayload: ({ texts }) => texts[0],
    thumbOf: (text) => h("span", { class: "brief" }, String(text).slice(0, 80)),
    codeOf: (text) => ({ json: { texts: [text ?? ""] } }),
    emptyText: "Write something, or take a sample.",
    live: true,
  };
}
