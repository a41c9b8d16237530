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

// Text with the words at `ranges` marked, [start, end] in bytes, and the sentence that is meant, when there is one.
export function marked(text, ranges, sentence) {
  const bytes = encoder.encode(text);
  const cut = (start, end) => decoder.decode(bytes.subarray(start, end));
  const sorted = [...ranges].sort((a, b) => a[0] - b[0]);
  const part = (at, last) => {
    const parts = [];
    for (const [start, end] of sorted) {
      if (start < at || end > last || start >= end) continue;
      parts.push(cut(at, start), el("mark", {class: "word"}, cut(start, end)));
      at = end;
    }
    return [...parts, cut(at, last)];
  };
  if (!sentence) return part(0, bytes.length);
  return [...part(0, sentence[0]), el("mark", {class: "meaning"}, ...part(...sentence)), ...part(sentence[1], bytes.length)];
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
