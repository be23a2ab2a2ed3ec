// The input of a model that takes arrays as they are: JSON, sent by a button.

import { h, newId } from "./dom.js";
import { json } from "./row.js";

export function createInput(card, changed) {
  const id = newId("json");
  const field = h("textarea", { id, class: "code", rows: 12, spellcheck: "false", oninput: stale });
  const mistake = h("p", { class: "mistake", role: "alert" });
  const send = h("button", { type: "button", class: "primary", onclick: () => changed({ fresh: true, now: true }) }, "Predict");
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send.click();
  });
  show(card.example ?? {});

  function stale() {
    mistake.textContent = "";
  }

  function show(inputs) {
    const lines = Object.entries(inputs).map(([name, values]) => `  ${JSON.stringify(name)}: ${nested(values, 1)}`);
    field.value = `{\n${lines.join(",\n")}\n}`;
    stale();
  }

  function read() {
    try {
      const inputs = JSON.parse(field.value);
      if (inputs === null || typeof inputs !== "object" || Array.isArray(inputs)) throw new Error("An object is needed: a list of values for each input, by its name.");
      return inputs;
    } catch (error) {
      const message = error instanceof SyntaxError ? `This is not JSON yet. ${error.message}` : error.message;
      mistake.textContent = message;
      throw new Error(message, { cause: error });
    }
  }

  return {
    element: h(
      "div",
      { class: "tensors-input" },
      h("ul", { class: "tensors" }, card.inputs.map(tensorItem)),
      h("label", { for: id }, "Inputs, as JSON"),
      field,
      mistake,
      h("div", { class: "bar" }, send, h("span", { class: "muted keys" }, "Ctrl + Enter")),
    ),
    read,
    show,
    bodyOf: (inputs) => json({ inputs }),
    fromPayload: ({ inputs }) => inputs,
    thumbOf: (inputs) => h("span", { class: "brief" }, JSON.stringify(inputs).slice(0, 80)),
    codeOf: (inputs) => ({ json: { inputs: inputs ?? {} } }),
    live: true,
  };
}

const tensorItem = ({ name, dtype, shape }) =>
  h("li", {}, h("code", {}, name), h("span", { class: "muted" }, ` ${dtype} ${shape.length ? shape.map((axis) => (axis < 0 ? "any" : axis)).join(" × ") : "one value"}`));

/** JSON whose innermost lists stand in one line. */
function nested(values, depth) {
  if (!Array.isArray(values)) return JSON.stringify(values);
  if (!values.some(Array.isArray)) return `[${values.map((value) => JSON.stringify(value)).join(", ")}]`;
  const indent = "  ".repeat(depth + 1);
  const rows = values.map((value) => indent + nested(value, depth + 1));
  return `[\n${rows.join(",\n")}\n${"  ".repeat(depth)}]`;
}
