// Calls of the service, and what goes wrong with them in a person's words.

import { readable } from "./dom.js";

/** The service's address, whatever prefix a front puts before it: this file is two folders below. */
export const ROOT = new URL("../../", import.meta.url);

let token = "";
/** Kept here only: neither stored nor written into an address. */
export function useToken(text) {
  token = text.trim().replace(/^bearer\s+/i, "");
}
export const hasToken = () => token !== "";

/** An answer that is no success; `sentences` say why. */
export class Refusal extends Error {
  constructor(status, title, sentences = []) {
    super([title, ...sentences].join(" "));
    Object.assign(this, { status, title, sentences });
  }
}

/**
 * Call the service.
 * @param path below the service's address, without a leading slash
 * @returns {Promise<Response>} a successful one
 * @throws {Refusal}; or an AbortError
 */
export async function call(path, options = {}) {
  const headers = new Headers(options.headers);
  if (token) headers.set("authorization", `Bearer ${token}`);
  let response;
  try {
    response = await fetch(new URL(path, ROOT), { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal(0, "The service cannot be reached.", ["Is it running, and are you online?"]);
  }
  if (response.ok) return response;
  throw await refusalOf(response);
}

async function refusalOf(response) {
  const { status } = response;
  if (status === 401) {
    return hasToken()
      ? new Refusal(401, "The token was refused.", ["It may have expired, or be for another API."])
      : new Refusal(401, "This API asks for a token.", ["Paste one above."]);
  }
  if (status === 403) {
    return hasToken()
      ? new Refusal(403, "The token does not allow this.", ["It may lack a scope."])
      : new Refusal(403, "Only signed calls get in.", [
          "This API uses IAM, and a browser cannot sign its calls. curl --aws-sigv4 and lambake invoke can.",
        ]);
  }
  const problem = await response.json().catch(() => ({}));
  if (Array.isArray(problem.problems) && problem.problems.length) {
    return new Refusal(status, `${problem.title}.`, problem.problems.map(sentenceOf));
  }
  const [title, advice] = BY_STATUS[status] ?? ["The service failed.", `It answered ${status}.`];
  const id = problem.request_id ? ` Its log has the request ${problem.request_id}.` : "";
  return new Refusal(status, title, [advice + id]);
}

const BY_STATUS = {
  404: ["There is no such thing here.", "The model may have been removed. Reload the page."],
  413: [
    "That is too large.",
    "Lambda takes 6 MB, about 4.5 MB of binary data. Resize the picture, or send less at a time.",
  ],
  429: ["Too many calls at once.", "Wait a moment and try again."],
  502: ["The service failed before it could answer.", "Its log says why."],
  503: ["The service is not ready.", "Wait a moment and try again."],
  504: ["The service took too long.", "It may need more time, memory, or a smaller input."],
};

/** {"where": "rows[0].petal_length_cm", …} as "Petal length cm: the model expects …, but got …." */
function sentenceOf({ where, expected, got }) {
  const place = NAMES[where] ?? readable(where.replace(/^(rows|texts|images|inputs)(\[0\])?\.?/, ""));
  const subject = place || "the input";
  return `${subject[0].toUpperCase()}${subject.slice(1)}: expected ${expected}, but got ${got}.`;
}

const NAMES = {
  image: "the picture",
  "images[0]": "the picture",
  images: "the picture",
  "rows[0]": "the row",
  "texts[0]": "the text",
  body: "the request",
};
