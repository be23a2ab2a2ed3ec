// The last answers, to compare; a click brings an input back.

import { headlineOf } from "./answer.js";
import { h, milliseconds } from "./dom.js";

const MOST = 8;
/** Answers that follow each other faster belong to one act: a stroke after the other. */
const ONE_ACT_MS = 2500;

/**
 * Build the card.
 * @param thumbOf makes a small element of an instance
 * @param restore is called with the instance of the entry that was clicked
 */
export function historyView(thumbOf, restore) {
  const list = h("ol", { class: "history" });
  const none = h("p", { class: "muted" }, "The answers of this visit are listed here, to compare.");
  const empty = h("button", { type: "button", class: "quiet", hidden: true, onclick: clear }, "Clear");
  let lastAt = -Infinity;

  function clear() {
    list.replaceChildren();
    none.hidden = false;
    empty.hidden = true;
  }

  function entryOf(instance, prediction, timing) {
    const { main, side } = headlineOf(prediction);
    return h(
      "li",
      {},
      h(
        "button",
        { type: "button", class: "entry", onclick: () => restore(instance) },
        thumbOf(instance),
        h("span", { class: "main" }, main),
        h("span", { class: "side" }, side),
        h("span", { class: "ms" }, milliseconds(timing.roundTripMs)),
      ),
    );
  }

  return {
    element: h(
      "section",
      { class: "card history-card", "aria-label": "The last answers" },
      h("div", { class: "card-head" }, h("h2", {}, "Last answers"), empty),
      none,
      list,
    ),
    add(instance, prediction, timing, fresh) {
      const sameAct = !fresh && performance.now() - lastAt < ONE_ACT_MS;
      if (sameAct) list.firstElementChild?.remove();
      list.prepend(entryOf(instance, prediction, timing));
      while (list.children.length > MOST) list.lastElementChild.remove();
      lastAt = performance.now();
      none.hidden = true;
      empty.hidden = false;
    },
  };
}
