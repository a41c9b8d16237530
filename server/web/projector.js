// Passages of the map as the TensorBoard Embedding Projector loads them: vectors.tsv and metadata.tsv.
import {el} from "./dom.js";
import {call, collectionPath} from "./api.js";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const EXCERPT = 100; // characters

function save(name, lines) {
  const link = el("a", {download: name, href: URL.createObjectURL(new Blob(lines, {type: "text/tab-separated-values"}))});
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

const cell = (value) => (typeof value === "object" && value ? JSON.stringify(value) : String(value ?? "")).replace(/[\t\r\n]/g, " ");
const line = (values) => values.map(cell).join("\t") + "\n";

function floats(base64) {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return Array.from({length: bytes.length / 4}, (_, i) => Number(view.getFloat32(4 * i, true).toPrecision(9)));
}

// `wanted` maps the id of a document to the first characters of its passages; `fields` are names of metadata.
export async function exportPassages(collection, wanted, fields, progress) {
  const vectors = [];
  const metadata = [line(["id", "title", "lang", "text", ...fields])];
  let left = wanted.size;
  for (let after = ""; left > 0; ) {
    const page = await call("GET", collectionPath(collection, "/export?vectors=true" + (after && "&after=" + encodeURIComponent(after))));
    const rows = page.split("\n").filter(Boolean);
    if (!rows.length) break;
    for (const d of rows.map(JSON.parse)) {
      after = d.id;
      const starts = wanted.get(d.id);
      if (!starts) continue;
      left--;
      const bytes = encoder.encode(d.text);
      for (const p of d.vectors?.passages ?? []) {
        if (!starts.has([...decoder.decode(bytes.subarray(0, p.start))].length)) continue;
        const text = [...decoder.decode(bytes.subarray(p.start, p.end))].slice(0, EXCERPT).join("");
        vectors.push(line(floats(p.vector)));
        metadata.push(line([d.id, d.title, d.lang, text, ...fields.map((name) => d.metadata[name])]));
      }
    }
    progress(vectors.length);
  }
  save("vectors.tsv", vectors);
  save("metadata.tsv", metadata);
}
