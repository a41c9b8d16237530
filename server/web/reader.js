// The whole text of a document, with the passage that was found in view.
import {$, el} from "./dom.js";
import {call, collectionPath} from "./api.js";
import {state} from "./state.js";

// Index into a JavaScript string (UTF-16) of a code point.
function unitOf(text, points) {
  let unit = 0;
  for (let i = 0; i < points && unit < text.length; i++) unit += text.codePointAt(unit) > 0xffff ? 2 : 1;
  return unit;
}

export async function openReader(hit) {
  const dialog = $("reader");
  const box = $("reader-text");
  $("reader-title").textContent = hit.title || hit.id;
  box.replaceChildren();
  dialog.showModal();
  try {
    const collection = hit.collection || state.collection;
    const {text} = await call("GET", collectionPath(collection, "/documents/" + encodeURIComponent(hit.id)));
    const start = unitOf(text, hit.passage.start_char);
    const end = start + unitOf(text.slice(start), hit.passage.end_char - hit.passage.start_char);
    const mark = el("mark", {class: "meaning"}, text.slice(start, end));
    box.append(text.slice(0, start), mark, text.slice(end));
    mark.scrollIntoView({block: "center"});
  } catch (error) {
    box.textContent = error.message;
  }
}

export function startReader() {
  const dialog = $("reader");
  $("reader-close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
}
