// Answers: bars of probabilities, a number, or a summary of arrays. Told by the answer's own keys.

import { copyButton, count, h, milliseconds, number, percent, readable } from "./dom.js";

/** More labels than these are sorted, best first; fewer keep their places while one draws. */
const MOST_IN_PLACE = 12;
const MOST_BARS = 10;
/** Longer labels than this stand above their bars. */
const LONG_LABEL = 16;
const SHOWN_NUMBERS = 8;

/** An answer in a few words: for the headline, the list of answers and a screen reader. */
export function headlineOf(prediction, unit = "") {
  if ("label" in prediction) {
    const { label, confidence } = prediction;
    return { main: String(label), side: confidence === undefined ? "" : percent(confidence) };
  }
  if ("labels" in prediction) return { main: prediction.labels.join(", ") || "none of them", side: "" };
  if ("value" in prediction) return { main: brief(prediction.value), side: prediction.value === null ? "" : unit };
  if ("values" in prediction) return { main: Object.values(prediction.values).map(brief).join(" · "), side: "" };
  if ("embedding" in prediction) return { main: count(flat(prediction.embedding).length, "number"), side: "" };
  if ("outputs" in prediction) return { main: outputsInBrief(Object.values(prediction.outputs)), side: "" };
  return { main: cut(JSON.stringify(prediction), 60), side: "" };
}

/** null stands for what JSON cannot say: NaN or Infinity. */
const brief = (value) => (value === null ? "–" : typeof value === "number" ? number(value) : String(value));

function outputsInBrief(outputs) {
  const all = outputs.map(flat);
  const few = all.length === 1 && all[0].length <= 3 && all[0].every((value) => value !== null);
  return few ? cut(all[0].map(brief).join(", "), 60) : count(all.length, "output");
}

/** Show answers; `aside` stands between an answer and its times. */
export function answerView(card, aside = null) {
  const main = h("span", { class: "main" });
  const side = h("span", { class: "side" });
  const body = h("div", { class: "answer-body" });
  const note = h("p", { class: "answer-note" });
  const spoken = h("p", { class: "off-screen", role: "status" });
  const bars = barsOf(card.labels);
  const times = timesView();
  const headline = h("p", { class: "headline" }, main, side);
  const element = h("div", { class: "answer" }, headline, note, body, aside, times.element, spoken);
  const mini = h("span", { class: "mini", "aria-hidden": "true" });
  let speak;

  function say(text) {
    // Spoken once it rests: bars that move while one draws would never stop talking.
    clearTimeout(speak);
    speak = setTimeout(() => (spoken.textContent = text), 900);
  }

  function head({ main: word, side: share }) {
    main.textContent = word;
    main.dataset.size = word.length < 5 ? "large" : word.length < 14 ? "medium" : "small";
    side.textContent = share;
    mini.replaceChildren(h("b", {}, word), " ", share);
  }

  const view = {
    element,
    /** The answer in brief, beside the input: on a phone the answer's card is out of sight. */
    mini,
    wait: (busy) => element.setAttribute("aria-busy", String(busy)),
    show(prediction, timing) {
      const told = headlineOf(prediction, card.unit);
      head(told);
      note.replaceChildren();
      body.replaceChildren(...partsOf(prediction, bars));
      times.show(timing);
      say(`${told.main} ${told.side}`);
    },
    /** Nothing to answer yet. */
    empty(text) {
      head({ main: "", side: "" });
      note.replaceChildren(text);
      note.className = "answer-note muted";
      bars.show({});
      body.replaceChildren(...(card.labels.length ? [bars.element] : []));
      times.show(null);
    },
    fail(title, sentences) {
      head({ main: "", side: "" });
      note.className = "answer-note error";
      note.replaceChildren(h("b", {}, title), ...sentences.flatMap((one) => [h("br"), one]));
      body.replaceChildren();
      times.show(null);
      say([title, ...sentences].join(" "));
    },
  };
  return view;
}

function partsOf(prediction, bars) {
  if (prediction.probabilities) {
    bars.show(prediction.probabilities, new Set(prediction.labels ?? [prediction.label]));
    return [bars.element];
  }
  if ("value" in prediction || "label" in prediction) return [];
  if ("values" in prediction) return [valuesTable(prediction.values)];
  if ("embedding" in prediction) return [strip(flat(prediction.embedding)), arrayFacts("embedding", prediction.embedding)];
  if ("outputs" in prediction) return Object.entries(prediction.outputs).map(([name, values]) => arrayFacts(name, values));
  const text = JSON.stringify(prediction, null, 2);
  return [h("pre", { class: "code", tabindex: 0 }, cut(text, 4000)), copyButton(() => text, "Copy the answer")];
}

/** Bars that stay in place: elements are kept, so a share slides to its new length. */
function barsOf(labels) {
  const element = h("ol", { class: "bars" });
  const items = new Map();
  const inPlace = labels.length > 0 && labels.length <= MOST_IN_PLACE;
  element.classList.toggle("in-place", inPlace);
  element.classList.toggle("stacked", labels.some((label) => label.length > LONG_LABEL));

  function itemOf(label) {
    if (!items.has(label)) {
      const bar = h("span", { class: "bar-fill", "aria-hidden": "true" });
      const share = h("span", { class: "share" });
      const name = h("span", { class: "label", title: label }, label);
      items.set(label, { element: h("li", {}, name, h("span", { class: "track" }, bar), share), bar, share });
    }
    return items.get(label);
  }

  return {
    element,
    show(shares, best = new Set()) {
      const known = Object.keys(shares).length ? Object.keys(shares) : labels;
      const order = inPlace ? labels : [...known].sort((a, b) => (shares[b] ?? 0) - (shares[a] ?? 0)).slice(0, MOST_BARS);
      const wanted = order.map((label) => {
        const item = itemOf(label);
        const share = shares[label];
        item.bar.style.setProperty("--share", share ?? 0);
        item.share.textContent = share === undefined ? "–" : percent(share);
        item.element.classList.toggle("best", best.has(label));
        return item.element;
      });
      if (wanted.some((item, at) => element.children[at] !== item) || element.children.length !== wanted.length) {
        element.replaceChildren(...wanted);
      }
    },
  };
}

function valuesTable(values) {
  const rows = Object.entries(values).map(([name, value]) => h("tr", {}, h("th", { scope: "row" }, readable(name)), h("td", {}, brief(value))));
  return h("table", { class: "values" }, h("tbody", {}, rows));
}

const flat = (values) => (Array.isArray(values) ? values.flat(Infinity) : [values]);

function shapeOf(values) {
  const shape = [];
  for (let part = values; Array.isArray(part); [part] = part) shape.push(part.length);
  return shape;
}

/** An array's shape, range and first values, and a button for all of it. */
function arrayFacts(name, values) {
  const all = flat(values);
  const numbers = all.filter((value) => typeof value === "number");
  const first = all.slice(0, SHOWN_NUMBERS).map(brief);
  const facts = [["shape", shapeOf(values).join(" × ") || "one value"]];
  if (numbers.length === all.length && all.length > 1) {
    const sum = numbers.reduce((total, value) => total + value, 0);
    const [low, high] = numbers.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [Infinity, -Infinity]);
    facts.push(["range", `${number(low)} to ${number(high)}`], ["mean", number(sum / numbers.length)]);
  }
  facts.push(["values", first.join(", ") + (all.length > SHOWN_NUMBERS ? ", …" : "")]);
  return h(
    "section",
    { class: "array" },
    h("div", { class: "array-head" }, h("h3", {}, name), copyButton(() => JSON.stringify(values))),
    h("dl", { class: "facts" }, facts.flatMap(([word, text]) => [h("dt", {}, word), h("dd", {}, text)])),
  );
}

/** A line of small columns: what an embedding looks like. */
function strip(values) {
  const canvas = h("canvas", { class: "strip", width: values.length, height: 40, "aria-hidden": "true" });
  const context = canvas.getContext("2d");
  const most = values.reduce((top, value) => Math.max(top, Math.abs(value)), 0) || 1;
  context.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--accent");
  values.forEach((value, at) => {
    const height = (Math.abs(value) / most) * 20;
    context.fillRect(at, value < 0 ? 20 : 20 - height, 1, height);
  });
  return canvas;
}

const STEPS = { preprocess: "prepare", engine: "run", postprocess: "answer" };

/** Where the time went, by the Server-Timing header. */
export function timingOf(response, roundTripMs) {
  const entries = (response.headers.get("server-timing") ?? "").split(",").map((entry) => entry.trim().split(";"));
  const ms = Object.fromEntries(entries.map(([name, ...rest]) => [name, Number(rest.find((one) => one.startsWith("dur="))?.slice(4))]));
  return { ms, cold: entries.some(([name]) => name === "cold"), roundTripMs };
}

function timesView() {
  const parts = Object.keys(STEPS).map((step) => [step, h("span", { class: `step ${step}` })]);
  const bar = h("div", { class: "time-bar", "aria-hidden": "true" }, parts.map(([, part]) => part));
  const steps = h("span", { class: "steps" });
  const trip = h("span", { class: "trip" });
  const element = h("div", { class: "times" }, bar, h("p", {}, steps, trip));

  return {
    element,
    show(timing) {
      element.classList.toggle("none", !timing);
      if (!timing) return;
      const known = parts.filter(([step]) => Number.isFinite(timing.ms[step]));
      const total = known.reduce((sum, [step]) => sum + timing.ms[step], 0) || 1;
      for (const [step, part] of known) part.style.setProperty("flex-grow", (100 * timing.ms[step]) / total);
      steps.replaceChildren(
        ...known.map(([step]) => h("span", { class: `step-name ${step}` }, `${STEPS[step]} ${milliseconds(timing.ms[step])}`)),
      );
      trip.textContent = `${milliseconds(timing.roundTripMs)} there and back, ${timing.cold ? "cold start" : "warm"}`;
    },
  };
}

export const cut = (text, most) => (text.length > most ? `${text.slice(0, most)}…` : text);
