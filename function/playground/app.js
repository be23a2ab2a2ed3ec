// The playground: choose a model, give it an input, look at its answer.

import { $, count, h } from "./dom.js";

// One after the other: on Lambda each request beside another may cost a cold start.
const { call, Refusal, useToken } = await import("./api.js");
const { answerView, timingOf } = await import("./answer.js");
const { codeView } = await import("./code.js");
const { historyView } = await import("./history.js");
const { samplesView } = await import("./samples.js");

/** Modules by what a model takes; loaded for the model that is shown. */
const INPUTS = { image: "./image.js", row: "./row.js", text: "./text.js", tensors: "./tensors.js" };
/** The least time between two calls while one draws or moves a slider. */
const PACE_MS = 120;
/** How long a text must rest before it is sent. */
const REST_MS = 350;

let models = [];
let shown = null;
let opened = 0;

// ---- the token

const tokenPanel = $("token");
$("token-button").addEventListener("click", () => openToken(tokenPanel.hidden));
function openToken(open) {
  tokenPanel.hidden = !open;
  $("token-button").setAttribute("aria-expanded", String(open));
  if (open) $("token-field").focus();
}
$("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  useToken($("token-field").value);
  openToken(false);
  start();
});

// ---- the list of models

async function start() {
  try {
    ({ models } = await (await call("models")).json());
  } catch (error) {
    complain(error);
    return;
  }
  $("notice").hidden = models.length > 0;
  if (!models.length) $("notice").textContent = "No model is served here yet.";
  $("models").hidden = models.length < 2;
  $("filter").hidden = models.length < 9;
  $("model-list").replaceChildren(
    ...models.map(({ name, kind }) =>
      h("li", {}, h("a", { href: `#${encodeURIComponent(name)}` }, h("b", {}, name), h("span", {}, readableKind(kind)))),
    ),
  );
  await route();
}

const readableKind = (kind) => kind.replaceAll("-", " ");

$("filter").addEventListener("input", () => {
  const word = $("filter").value.trim().toLowerCase();
  for (const item of $("model-list").children) item.hidden = !item.textContent.toLowerCase().includes(word);
});

/** The address names the model and, after a slash, the version: #digits, #digits/2. */
async function route() {
  const [name, version] = location.hash.slice(1).split("/").map(decodeURIComponent);
  const model = models.find((one) => one.name === name) ?? models[0];
  if (!model) return;
  for (const link of $("model-list").querySelectorAll("a")) {
    const current = link.hash === `#${encodeURIComponent(model.name)}`;
    if (current) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  try {
    await open(model, version in model.versions ? version : null);
  } catch (error) {
    if (error.name !== "AbortError") complain(error);
  }
}
window.addEventListener("hashchange", route);

function complain(error) {
  shown?.remove();
  shown = null;
  $("model").hidden = true;
  $("notice").hidden = false;
  const sentences = error instanceof Refusal ? [error.title, ...error.sentences] : ["Something went wrong here.", error.message];
  $("notice").replaceChildren(h("b", {}, sentences[0]), " ", sentences.slice(1).join(" "), " ", h("button", { type: "button", class: "quiet", onclick: start }, "Try again"));
  if (error.status === 401) openToken(true);
}

// ---- one model

async function open(model, version) {
  const turn = ++opened;
  const name = encodeURIComponent(model.name);
  const path = version ? `models/${name}/versions/${encodeURIComponent(version)}` : `models/${name}`;
  const card = { path, ...(await (await call(path)).json()) };
  const { createInput } = await import(INPUTS[card.takes]);
  if (turn !== opened) return; // another model was chosen meanwhile
  shown?.remove();
  shown = view(card, createInput);
  $("notice").hidden = true;
  $("model").hidden = false;
  $("model").replaceChildren(shown.element);
  document.title = `${card.name} · Lambake`;
  shown.begin();
}

function view(card, createInput) {
  const asker = { running: false, again: false, fresh: true, timer: 0, abort: new AbortController() };
  const code = codeView(card);
  const input = createInput(card, changed);
  const answer = answerView(card, input.aside);
  const history = historyView(input.thumbOf, take);
  const samples = samplesView(card, { ...input, take, fail });

  function take(instance) {
    input.show(instance);
    changed({ fresh: true, now: true });
  }

  /** Something was drawn, moved, written or chosen: ask soon. */
  function changed({ fresh = false, now = false, written = false }) {
    if (fresh) asker.abort.abort();
    asker.fresh ||= fresh;
    if (asker.timer && !now && !written) return;
    clearTimeout(asker.timer);
    asker.timer = setTimeout(ask, now ? 0 : written ? REST_MS : PACE_MS);
  }

  /** One call at a time, and after it the newest input: calls side by side would start environments. */
  async function ask() {
    asker.timer = 0;
    asker.again = asker.running;
    if (asker.running) return;
    asker.running = true;
    const abort = (asker.abort = new AbortController());
    const { fresh } = asker;
    asker.fresh = false;
    try {
      const instance = await input.read();
      code.show(input.codeOf(instance));
      if (instance === null) answer.empty(input.emptyText ?? "");
      else await predict(instance, fresh, abort.signal);
    } catch (error) {
      fail(error);
    } finally {
      answer.wait(false);
      asker.running = false;
      if (asker.again) ask();
    }
  }

  async function predict(instance, fresh, signal) {
    answer.wait(true);
    const began = performance.now();
    const response = await call(`${card.path}/predict`, { method: "POST", signal, ...input.bodyOf(instance) });
    const { predictions } = await response.json();
    const timing = timingOf(response, performance.now() - began);
    answer.show(predictions[0], timing);
    history.add(instance, predictions[0], timing, fresh);
    await input.answered?.();
  }

  function fail(error) {
    if (error.name === "AbortError") return;
    // Half a stroke may be no digit yet; the next call is on its way.
    if (error.status === 422 && (asker.timer || asker.again)) return;
    if (error instanceof Refusal) answer.fail(error.title, error.sentences);
    else answer.fail("The input is incomplete.", [error.message]);
    if (error.status === 401) openToken(true);
  }

  return {
    element: h(
      "article",
      {},
      headOf(card),
      h(
        "div",
        { class: "two" },
        h("section", { class: "card", "aria-label": "Input" }, h("div", { class: "card-head" }, h("h2", {}, "Input"), input.head, answer.mini), input.element, samples?.element),
        h("section", { class: "card", "aria-label": "Answer" }, h("div", { class: "card-head" }, h("h2", {}, "Answer")), answer.element),
      ),
      h("div", { class: "two" }, code.element, history.element),
    ),
    begin() {
      answer.empty(input.emptyText ?? "");
      code.show(input.codeOf(null));
      // A sample says more than an example that was made of the columns' ranges.
      if (input.live) (samples?.takeFirst() ?? Promise.reject()).catch(ask);
    },
    remove() {
      asker.abort.abort();
      clearTimeout(asker.timer);
      input.remove?.();
      samples?.remove();
    },
  };
}

function headOf(card) {
  const versions = Object.entries(card.versions);
  const chosen = card.path.includes("/versions/") ? card.version : "";
  const select = h(
    "select",
    { "aria-label": "Version", onchange: () => (location.hash = [card.name, select.value].filter(Boolean).map(encodeURIComponent).join("/")) },
    h("option", { value: "" }, "latest version"),
    versions.map(([version, labels]) => h("option", { value: version, selected: version === chosen }, `version ${version}${labels.length ? ` (${labels.join(", ")})` : ""}`)),
  );
  const facts = [
    readableKind(card.kind),
    card.labels.length ? count(card.labels.length, "label") : null,
    card.columns.length ? count(card.columns.length, "column") : null,
    `licence ${card.licence}`,
  ];
  return h(
    "header",
    { class: "model-head" },
    h("div", { class: "title" }, h("h1", {}, card.name), versions.length > 1 ? select : h("span", { class: "badge" }, `version ${card.version}`)),
    card.description ? h("p", { class: "lead" }, card.description) : null,
    h("p", { class: "muted meta" }, facts.filter(Boolean).map((fact) => h("span", {}, fact))),
  );
}

start();
