// What the page shows is in its address, so that it can be shared and the back button works; behind the #, so that
// questions are in nobody's log.
//   #c=NAME&q=TEXT&mode=hybrid&lang=de,fr&f=year:2020&f=kind:"draft"&like=ID&view=map

const listeners = [];
let home = "default"; // the collection of an address that names none

function read() {
  const p = new URLSearchParams(location.hash.slice(1));
  return {
    view: ["map", "collections"].includes(p.get("view")) ? p.get("view") : "search",
    collection: p.get("c") || home,
    query: p.get("q") || "",
    mode: ["keyword", "hybrid"].includes(p.get("mode")) ? p.get("mode") : "semantic",
    languages: (p.get("lang") || "").split(",").filter(Boolean),
    fields: p.getAll("f").map(parseField).filter(Boolean),
    like: p.get("like") || "",
  };
}

// `name:json`; the name has its own colons percent-encoded.
function parseField(text) {
  const colon = text.indexOf(":");
  if (colon < 1) return null;
  try {
    return {name: decodeURIComponent(text.slice(0, colon)), value: JSON.parse(text.slice(colon + 1))};
  } catch {
    return null;
  }
}

export const state = read();

export function address(s) {
  const p = new URLSearchParams();
  if (s.view !== "search") p.set("view", s.view);
  if (s.collection !== "default") p.set("c", s.collection);
  if (s.query) p.set("q", s.query);
  if (s.mode !== "semantic") p.set("mode", s.mode);
  if (s.languages.length) p.set("lang", s.languages.join(","));
  for (const f of s.fields) p.append("f", encodeURIComponent(f.name) + ":" + JSON.stringify(f.value));
  if (s.like) p.set("like", s.like);
  return "#" + p;
}

export function setHome(collection) {
  home = state.collection = collection;
}

// Changes what is shown. `step`: a new entry of the history, for what a person would call going somewhere.
export function go(change, step = false) {
  Object.assign(state, change);
  history[step ? "pushState" : "replaceState"](null, "", address(state));
  for (const listener of listeners) listener(Object.keys(change));
}

export function onChange(listener) {
  listeners.push(listener);
}

addEventListener("popstate", () => {
  Object.assign(state, read());
  for (const listener of listeners) listener(Object.keys(state));
});
