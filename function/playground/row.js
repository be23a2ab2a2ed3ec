// The input of a model that takes a row: a slider, a number or a choice for each column.

import { h, newId, number, readable } from "./dom.js";

export function createInput(card, changed) {
  const fields = card.columns.map((column) => fieldOf(column, (how = {}) => changed(how)));
  show(rowOf(card.example));

  function show(row) {
    fields.forEach((field) => field.set(row[field.name]));
  }

  function rowOf(row) {
    return Array.isArray(row) ? Object.fromEntries(fields.map(({ name }, at) => [name, row[at]])) : row;
  }

  return {
    element: h("div", { class: "row-input" }, fields.map((field) => field.element)),
    read() {
      const wrong = fields.filter((field) => !field.check());
      if (wrong.length) throw new Error(`${wrong.map((field) => field.wanted).join(" ")}`);
      return Object.fromEntries(fields.map((field) => [field.name, field.value()]));
    },
    show,
    bodyOf: (row) => json({ rows: [row] }),
    fromPayload: ({ rows }) => rowOf(rows[0]),
    thumbOf: (row) => h("span", { class: "brief" }, Object.values(row).map(brief).join(" · ")),
    codeOf: (row) => ({ json: { rows: [row] } }),
    live: true,
  };
}

export const json = (payload) => ({
  body: JSON.stringify(payload),
  headers: { "content-type": "application/json" },
});

const brief = (value) => (value === null ? "–" : typeof value === "number" ? number(value) : String(value));

function fieldOf(column, changed) {
  if (column.dtype === "bool") return choiceOf(column, [true, false], changed);
  if (column.choices?.length) return choiceOf(column, column.choices, changed);
  if (column.dtype === "string") return textOf(column, changed);
  return numberOf(column, changed);
}

const mayMiss = (column) => (column.missing ?? "refuse") !== "refuse";

function labelled(column, id, unit, ...controls) {
  const name = readable(column.name, column.unit);
  return h(
    "div",
    { class: controls.some((control) => control?.type === "range") ? "field" : "field inline" },
    h("label", { for: id, title: column.name }, name, unit ? h("span", { class: "unit" }, ` ${unit}`) : null),
    h("div", { class: "controls" }, controls),
  );
}

function choiceOf(column, choices, changed) {
  const id = newId("choice");
  const all = mayMiss(column) ? [null, ...choices] : choices;
  const options = (some) => some.map((value) => h("option", { value: JSON.stringify(value) }, value === null ? "missing" : String(value)));
  const select = h("select", { id, onchange: () => changed() }, options(all));
  return {
    name: column.name,
    element: labelled(column, id, column.unit, select),
    value: () => JSON.parse(select.value),
    set(value = null) {
      // The choices are a hint: a sample may have another value.
      if (![...select.options].some((one) => one.value === JSON.stringify(value))) {
        if (value === null) return;
        select.append(...options([value]));
      }
      select.value = JSON.stringify(value);
    },
    check: () => true,
  };
}

function textOf(column, changed) {
  const id = newId("text");
  const placeholder = mayMiss(column) ? "missing" : "";
  const field = h("input", { id, type: "text", placeholder, oninput: () => changed({ written: true }), autocomplete: "off" });
  return {
    name: column.name,
    element: labelled(column, id, column.unit, field),
    value: () => (field.value === "" && mayMiss(column) ? null : field.value),
    set: (value) => (field.value = value ?? ""),
    check: () => true,
  };
}

function numberOf(column, changed) {
  const id = newId("number");
  const whole = column.dtype.startsWith("int");
  const { minimum, maximum } = column;
  const ranged = minimum !== null && maximum !== null && maximum > minimum;
  const step = whole ? 1 : ranged ? stepOf(maximum - minimum) : "any";
  const field = h("input", {
    id,
    type: "number",
    step: whole ? 1 : "any",
    inputmode: whole ? "numeric" : "decimal",
    placeholder: mayMiss(column) ? "missing" : "",
    oninput: () => follow(true),
  });
  const label = readable(column.name, column.unit);
  const slider = ranged
    ? h("input", {
        type: "range",
        min: minimum,
        max: maximum,
        step,
        "aria-label": `${label}, slider`,
        oninput() {
          field.value = slider.value;
          follow(false);
        },
      })
    : null;

  function follow(toSlider) {
    if (slider) {
      if (toSlider && field.value !== "") slider.value = field.value;
      slider.style.setProperty("--at", `${((slider.value - minimum) / (maximum - minimum)) * 100}%`);
      slider.classList.toggle("missing", field.value === "");
    }
    changed();
  }

  return {
    name: column.name,
    element: labelled(column, id, column.unit, slider, field),
    wanted: `${label[0].toUpperCase()}${label.slice(1)} needs a ${whole ? "whole " : ""}number.`,
    value: () => (field.value === "" ? null : Number(field.value)),
    set(value) {
      field.value = value ?? "";
      follow(true);
    },
    check() {
      const fine = field.value === "" ? mayMiss(column) && !field.validity.badInput : field.validity.valid;
      field.setAttribute("aria-invalid", String(!fine));
      return fine;
    },
  };
}

/** A round step that cuts a range into some hundred. */
function stepOf(range) {
  return 10 ** Math.floor(Math.log10(range / 30));
}
