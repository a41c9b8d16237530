// Elements without markup in strings: text of documents is only ever put into text nodes.

export const $ = (id) => document.getElementById(id);

// el("a", {href: "?", class: "x", onclick: f}, "text", child, null)
export function el(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child != null));
  return node;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

// Text with the byte ranges of `ranges` (sorted or not, relative to the text's first byte) marked.
export function marked(text, ranges, name) {
  const bytes = encoder.encode(text);
  const parts = [];
  let at = 0;
  for (const [start, end] of [...ranges].sort((a, b) => a[0] - b[0])) {
    if (start < at || end > bytes.length || start >= end) continue;
    parts.push(decoder.decode(bytes.subarray(at, start)));
    parts.push(el("mark", {class: name}, decoder.decode(bytes.subarray(start, end))));
    at = end;
  }
  parts.push(decoder.decode(bytes.subarray(at)));
  return parts;
}

const languages = new Intl.DisplayNames(["en"], {type: "language"});

export function languageName(tag) {
  if (tag === "und") return "unknown";
  try {
    return languages.of(tag);
  } catch {
    return tag;
  }
}

export const count = (n) => n.toLocaleString();
