// Elements and numbers. Text goes in as text nodes only: nothing of a model or an answer is HTML.

const SVG = "http://www.w3.org/2000/svg";
const SVG_TAGS = new Set(["svg", "path", "rect", "circle"]);

/**
 * Make an element.
 * `on…` properties are listeners, `class`, `for`, `aria-…` and the like attributes; true and false
 * set or leave out an attribute. Children are nodes or texts; null ones are left out.
 */
export function h(tag, properties = {}, ...children) {
  const element = SVG_TAGS.has(tag)
    ? document.createElementNS(SVG, tag)
    : document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

export const $ = (id) => document.getElementById(id);

let last = 0;
/** Return an id that no other element has, for a label and its field. */
export const newId = (word) => `${word}-${++last}`;

const significant = new Intl.NumberFormat("en", { maximumSignificantDigits: 6, useGrouping: false });
const thousands = new Intl.NumberFormat("en");

export const number = (value) =>
  Number.isFinite(value)
    ? value !== 0 && (Math.abs(value) < 1e-4 || Math.abs(value) >= 1e9)
      ? value.toExponential(3)
      : significant.format(value)
    : String(value);

export const count = (value, noun) => `${thousands.format(value)} ${noun}${value === 1 ? "" : "s"}`;

/** 0.9987 as "99.9 %"; 1 and 0 are written as such only where they are exact. */
export function percent(share) {
  if (share === 0 || share === 1) return `${share * 100} %`;
  const shown = Math.round(share * 1000) / 10;
  if (shown === 100) return ">99.9 %";
  if (shown === 0) return "<0.1 %";
  return `${shown.toFixed(1)} %`;
}

export const milliseconds = (ms) => `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;

/** sepal_length_cm, in cm, as "sepal length". */
export function readable(name, unit = "") {
  const words = name.replaceAll("_", " ").trim();
  const ending = ` ${unit}`;
  return unit && words.endsWith(ending) ? words.slice(0, -ending.length) : words;
}

/** A button that copies a text, and says that it did. */
export function copyButton(textOf, what = "Copy") {
  const button = h("button", { type: "button", class: "quiet copy" }, what);
  button.addEventListener("click", async () => {
    button.textContent = (await copied(textOf())) ? "Copied" : "Press Ctrl+C";
    setTimeout(() => (button.textContent = what), 1500);
  });
  return button;
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // A page over plain HTTP has no clipboard: the text is selected, and the person copies it.
    const field = h("textarea", { class: "off-screen", readonly: true });
    field.value = text;
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
}
