// The request as a person would send it from a program: curl, Python, JavaScript.

import { hasToken, ROOT } from "./api.js";
import { copyButton, h } from "./dom.js";

const MOST_CHARS = 2000;

/** Build the card; `show` takes {file, save} for a picture, or {json}. */
export function codeView(card) {
  const address = new URL(`${card.path}/predict`, ROOT).href;
  const text = h("code", {});
  const save = h("button", { type: "button", class: "quiet", hidden: true }, "Save the picture");
  const tabs = Object.keys(LANGUAGES).map((name) =>
    h("button", { type: "button", class: "tab", onclick: () => choose(name) }, name),
  );
  let language = "curl";
  let current = {};

  const write = () => LANGUAGES[language](address, current);
  function choose(name) {
    language = name;
    tabs.forEach((tab) => tab.setAttribute("aria-pressed", String(tab.textContent === name)));
    text.textContent = shortened(write());
  }
  choose(language);

  return {
    element: h(
      "section",
      { class: "card code-card", "aria-label": "The request as code" },
      h("div", { class: "card-head" }, h("h2", {}, "Call it"), h("div", { class: "tabs", role: "group", "aria-label": "Language" }, tabs)),
      h("pre", { class: "code", tabindex: 0, "aria-label": "Code" }, text),
      h("div", { class: "bar" }, copyButton(write, "Copy the code"), save),
    ),
    show(code) {
      current = code;
      save.hidden = !code.save;
      save.onclick = code.save ?? null;
      choose(language);
    },
  };
}

/** Copied whole, shown in part: an array of 100,000 numbers is nothing to look at. */
const shortened = (code) =>
  code.length <= MOST_CHARS ? code : `${code.slice(0, MOST_CHARS)} … (${code.length} characters; the copy has all)`;

const quoted = (text) => /^[\w:/.@=~-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;

/** JSON in one line, with spaces; `scalar` spells what is neither a list nor an object. */
function oneLine(value, scalar = JSON.stringify) {
  if (Array.isArray(value)) return `[${value.map((one) => oneLine(one, scalar)).join(", ")}]`;
  if (value === null || typeof value !== "object") return scalar(value);
  const pairs = Object.entries(value).map(([key, one]) => `${JSON.stringify(key)}: ${oneLine(one, scalar)}`);
  return `{${pairs.join(", ")}}`;
}

/** null, true and false have other names in Python. */
const asPython = (value) =>
  oneLine(value, (one) => (one === null ? "None" : one === true ? "True" : one === false ? "False" : JSON.stringify(one)));

const LANGUAGES = {
  curl(address, { file, json }) {
    const token = hasToken() ? [`-H "authorization: Bearer $TOKEN"`] : [];
    const body = file
      ? [`-F ${quoted(`file=@${file}`)}`]
      : [`-H 'content-type: application/json'`, `-d ${quoted(oneLine(json ?? {}))}`];
    return ["curl", quoted(address), ...[...token, ...body].map((part) => `\\\n  ${part}`)].join(" ");
  },

  Python(address, { file, json }) {
    const token = hasToken() ? `\n    headers={"authorization": f"Bearer {os.environ['TOKEN']}"},` : "";
    const body = file
      ? `\n    files={"file": open(${JSON.stringify(file)}, "rb")},`
      : `\n    json=${asPython(json ?? {})},`;
    return [
      ...(token ? ["import os", ""] : []),
      "import requests",
      "",
      `answer = requests.post(\n    ${JSON.stringify(address)},${token}${body}\n)`,
      "answer.raise_for_status()",
      'print(answer.json()["predictions"][0])',
    ].join("\n");
  },

  JavaScript(address, { file, json }) {
    const headers = {
      ...(hasToken() ? { authorization: "Bearer …" } : {}),
      ...(file ? {} : { "content-type": "application/json" }),
    };
    const lines = [
      ...(file ? ["const form = new FormData();", 'form.append("file", input.files[0]); // <input type="file">', ""] : []),
      `const answer = await fetch(${JSON.stringify(address)}, {`,
      '  method: "POST",',
      ...(Object.keys(headers).length ? [`  headers: ${oneLine(headers)},`] : []),
      file ? "  body: form," : `  body: JSON.stringify(${oneLine(json ?? {})}),`,
      "});",
      "const { predictions } = await answer.json();",
    ];
    return lines.join("\n");
  },
};
