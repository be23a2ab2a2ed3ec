// The samples of the bundle, to click.

import { call } from "./api.js";
import { h } from "./dom.js";

const MOST_NAMES = 10;
const MOST_PICTURES = 20;

/**
 * Build the list of a model's samples, or return null if it has none.
 * @param fromPayload makes an instance of what the service sent
 * @param thumbOf makes a small element of an instance
 * @param take is called with the instance of the sample that was clicked
 * @param fail is called with the error where the sample did not come
 */
export function samplesView(card, { fromPayload, thumbOf, take, fail }) {
  const pictures = card.takes === "image";
  const names = card.samples.slice(0, pictures ? MOST_PICTURES : MOST_NAMES);
  if (!names.length) return null;
  const loaded = new Map();
  const controller = new AbortController();

  async function instanceOf(at) {
    if (!loaded.has(at)) {
      const response = await call(`${card.path}/samples/${at}`, { signal: controller.signal });
      loaded.set(at, fromPayload(await response.json(), names[at]));
    }
    return loaded.get(at);
  }

  const buttons = names.map((name, at) =>
    h(
      "button",
      { type: "button", class: pictures ? "sample picture" : "sample", title: name, "aria-label": name.startsWith("sample") ? name : `Sample ${name}`, onclick: () => instanceOf(at).then(take, fail) },
      pictures ? h("span", { class: "thumb" }) : name,
    ),
  );

  /** One after the other: calls side by side would each need an environment. */
  async function loadThumbs() {
    for (const [at, button] of buttons.entries()) button.replaceChildren(thumbOf(await instanceOf(at)));
  }
  // A sample that does not come is not worth a message; a click on it says what is wrong.
  if (pictures) loadThumbs().catch(() => {});

  return {
    takeFirst: () => instanceOf(0).then(take),
    element: h("div", { class: "samples" }, h("h3", { class: "small" }, "Samples"), h("div", { class: "sample-list" }, buttons)),
    remove: () => controller.abort(),
  };
}
