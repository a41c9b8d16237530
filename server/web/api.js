// Calls of this server's API. A problem becomes an Error with its text; a missing key asks for one, once.
import {$} from "./dom.js";

const KEY = "cognate-key";

function headers(body) {
  const all = {};
  if (body !== undefined) all["Content-Type"] = "application/json";
  const key = sessionStorage.getItem(KEY);
  if (key) all.Authorization = "Bearer " + key;
  return all;
}

function askForKey() {
  const dialog = $("key-dialog");
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      if (dialog.returnValue === "ok") sessionStorage.setItem(KEY, $("key").value.trim());
      $("key").value = "";
      resolve(dialog.returnValue === "ok");
    }, {once: true});
    dialog.returnValue = "";
    dialog.showModal();
  });
}

export class Problem extends Error {
  constructor(status, code, detail) {
    super(detail);
    this.status = status;
    this.code = code;
  }
}

// call("GET", "v1/collections"); the third argument is sent as JSON, the fourth is an AbortSignal.
export async function call(method, path, body, signal) {
  let response;
  try {
    response = await fetch(path, {method, headers: headers(body), signal, body: body === undefined ? undefined : JSON.stringify(body)});
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "offline", "The server does not answer. Is it running?");
  }
  if (response.status === 401 && (await askForKey())) return call(method, path, body, signal);
  const type = response.headers.get("Content-Type") || "";
  const answer = /[/+]json/.test(type) ? await response.json() : await response.text();
  if (!response.ok) throw new Problem(response.status, answer.code, answer.detail || "The server answered " + response.status + ".");
  return answer;
}

export const collectionPath = (name, rest = "") => "v1/collections/" + encodeURIComponent(name) + rest;
