// The map: passages on a canvas, coloured by language or a field; pan, zoom, hover, lasso, search, export.
import {$, el, count, languageName} from "./dom.js";
import {call, collectionPath} from "./api.js";
import {state, onChange} from "./state.js";
import {words} from "./words.js";
import {openReader} from "./reader.js";
import {exportPassages} from "./projector.js";

const LIMIT = 50000;
const GRID = 65535;
const CELL = 256; // of the grid that finds the point under the pointer, in map units
const COLOURS = ["#3b7dd8", "#d9822b", "#2a9d6f", "#b8499a", "#c2a400", "#6c5ce7", "#d64545", "#17a2b8", "#7f8c3a", "#a05c34", "#5d87a1", "#e07aa5"];
const OTHER = "#8a8f98";

let map = null; // the answer of the server, with `colour` per point
let loaded = ""; // the collection it is of
let cells = new Map();
let view = {x: 0, y: 0, scale: 1};
let lasso = null; // points of the screen while it is drawn
let drawing = false; // the lasso tool is chosen
let chosen = new Set(); // inside the lasso
let found = new Set(); // by the search
let pending = false;
const canvas = $("canvas");
const context = canvas.getContext("2d");

const fieldValue = (document, name) => (name === "" ? document.lang : document.metadata[name]);
const shownValue = (value, name) => (value == null ? words.missing : name === "" ? languageName(value) : String(value));

// ---- colours ----

function colourChoices() {
  const names = new Set();
  for (const d of map.documents) for (const [name, value] of Object.entries(d.metadata)) if (typeof value !== "object") names.add(name);
  const select = $("map-colour");
  const before = select.value;
  select.replaceChildren(el("option", {value: ""}, words.colourLanguage), ...[...names].sort().map((n) => el("option", {value: n}, n)));
  select.value = names.has(before) ? before : "";
}

function colour() {
  const name = $("map-colour").value;
  const counts = new Map();
  for (const at of map.document) {
    const value = fieldValue(map.documents[at], name) ?? null;
    counts.set(value, (counts.get(value) || 0) + 1);
  }
  const order = [...counts].sort((a, b) => b[1] - a[1]);
  const colours = new Map(order.slice(0, COLOURS.length).map(([value], i) => [value, COLOURS[i]]));
  map.colour = map.document.map((at) => colours.get(fieldValue(map.documents[at], name) ?? null) || OTHER);
  const entries = order.slice(0, COLOURS.length).map(([value, n]) => [colours.get(value), shownValue(value, name), n]);
  const rest = order.slice(COLOURS.length).reduce((sum, [, n]) => sum + n, 0);
  if (rest) entries.push([OTHER, words.other, rest]);
  $("legend").replaceChildren(...entries.map(([c, text, n]) => {
    const dot = el("i", {});
    dot.style.setProperty("background", c);
    return el("li", {}, dot, el("bdi", {}, text), el("span", {class: "quiet"}, " " + count(n)));
  }));
}

// ---- where points are ----

function index() {
  cells = new Map();
  map.x.forEach((x, i) => {
    const key = (x >> 8) * 512 + (map.y[i] >> 8);
    if (cells.has(key)) cells.get(key).push(i);
    else cells.set(key, [i]);
  });
}

const toScreen = (i) => [(map.x[i] - view.x) * view.scale, (map.y[i] - view.y) * view.scale];

function nearest(px, py) {
  const x = px / view.scale + view.x;
  const y = py / view.scale + view.y;
  const reach = 8 / view.scale;
  let best = -1;
  let least = reach * reach;
  for (let cx = Math.floor((x - reach) / CELL); cx <= Math.floor((x + reach) / CELL); cx++)
    for (let cy = Math.floor((y - reach) / CELL); cy <= Math.floor((y + reach) / CELL); cy++)
      for (const i of cells.get(cx * 512 + cy) || []) {
        const d = (map.x[i] - x) ** 2 + (map.y[i] - y) ** 2;
        if (d < least) {
          least = d;
          best = i;
        }
      }
  return best;
}

function inside(i) {
  const [x, y] = toScreen(i);
  let odd = false;
  for (let a = 0, b = lasso.length - 1; a < lasso.length; b = a++) {
    const [ax, ay] = lasso[a];
    const [bx, by] = lasso[b];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) odd = !odd;
  }
  return odd;
}

// ---- drawing ----

function size() {
  const box = canvas.getBoundingClientRect();
  const ratio = devicePixelRatio || 1;
  canvas.width = Math.round(box.width * ratio);
  canvas.height = Math.round(box.height * ratio);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
}

function fit() {
  const box = canvas.getBoundingClientRect();
  if (!map || !map.x.length || !box.width) return;
  let [left, right, top, bottom] = [GRID, 0, GRID, 0];
  map.x.forEach((x, i) => {
    left = Math.min(left, x);
    right = Math.max(right, x);
    top = Math.min(top, map.y[i]);
    bottom = Math.max(bottom, map.y[i]);
  });
  const scale = 0.92 * Math.min(box.width / Math.max(right - left, 1), box.height / Math.max(bottom - top, 1));
  view = {scale, x: (left + right - box.width / scale) / 2, y: (top + bottom - box.height / scale) / 2};
}

function paint() {
  pending = false;
  const box = canvas.getBoundingClientRect();
  context.clearRect(0, 0, box.width, box.height);
  if (!map) return;
  const marked = found.size || chosen.size;
  const dot = Math.max(2, Math.min(9, 60 / Math.sqrt(Math.sqrt(map.x.length + 1)) / 2 + Math.log2(view.scale * 100)));
  const byColour = new Map();
  for (let i = 0; i < map.x.length; i++) {
    const list = byColour.get(map.colour[i]);
    if (list) list.push(i);
    else byColour.set(map.colour[i], [i]);
  }
  context.globalAlpha = marked ? 0.25 : 0.8;
  for (const [c, list] of byColour) {
    context.fillStyle = c;
    for (const i of list) {
      const [x, y] = toScreen(i);
      if (x > -dot && y > -dot && x < box.width && y < box.height) context.fillRect(x - dot / 2, y - dot / 2, dot, dot);
    }
  }
  context.globalAlpha = 1;
  for (const i of new Set([...found, ...chosen])) {
    const [x, y] = toScreen(i);
    context.fillStyle = map.colour[i];
    context.beginPath();
    context.arc(x, y, dot + 1, 0, 7);
    context.fill();
    context.strokeStyle = getComputedStyle(canvas).color;
    context.stroke();
  }
  if (lasso) {
    context.strokeStyle = getComputedStyle(canvas).color;
    context.beginPath();
    for (const [x, y] of lasso) context.lineTo(x, y);
    context.closePath();
    context.stroke();
  }
}

function repaint() {
  if (!pending) requestAnimationFrame(paint);
  pending = true;
}

// ---- hover card ----

function hitOf(i) {
  const d = map.documents[map.document[i]];
  return {...d, collection: state.collection, passage: {start_char: map.start_char[i], end_char: map.end_char[i]}};
}

function showCard(i, x, y) {
  const card = $("card");
  card.hidden = i < 0;
  canvas.classList.toggle("over", i >= 0);
  if (i < 0) return;
  const d = map.documents[map.document[i]];
  const fields = Object.entries(d.metadata).filter(([, v]) => typeof v !== "object").slice(0, 6);
  card.replaceChildren(el("strong", {dir: "auto"}, d.title || d.id),
    el("span", {class: "badge"}, d.lang), ...(d.title ? [el("bdi", {class: "where"}, d.id)] : []),
    ...fields.map(([name, value]) => el("span", {class: "quiet"}, el("bdi", {}, name + ": " + value))));
  const box = canvas.getBoundingClientRect();
  card.style.setProperty("left", Math.min(x + 14, box.width - 260) + "px");
  card.style.setProperty("top", Math.min(y + 14, box.height - 120) + "px");
}

// ---- what is chosen ----

function showPicked() {
  const list = [...chosen];
  $("picked").hidden = list.length === 0;
  $("picked-title").textContent = words.mapPicked(list.length);
  $("picked-list").replaceChildren(...list.slice(0, 200).map((i) => {
    const hit = hitOf(i);
    return el("li", {}, el("button", {type: "button", class: "plain", dir: "auto", onclick: () => openReader(hit)}, hit.title || hit.id),
      " ", el("span", {class: "badge"}, hit.lang));
  }));
}

async function find() {
  const text = $("map-find").value.trim();
  found = new Set();
  if (map && text) {
    const low = text.toLowerCase();
    const documents = new Set();
    map.documents.forEach((d, at) => ((d.title || "").toLowerCase().includes(low) || d.id.toLowerCase().includes(low)) && documents.add(at));
    try {
      const answer = await call("POST", collectionPath(loaded, "/search"), {query: text, k: 50, fields: ["relevance"]});
      if ($("map-find").value.trim() !== text) return;
      const near = new Set(answer.hits.filter((h) => h.relevance == null || h.relevance > 0.08).map((h) => h.id));
      map.documents.forEach((d, at) => near.has(d.id) && documents.add(at));
    } catch (error) {
      $("map-state").textContent = error.message;
      return;
    }
    map.document.forEach((at, i) => documents.has(at) && found.add(i));
    $("map-state").textContent = words.mapFound(found.size);
  } else if (map) sayPoints();
  repaint();
}

// ---- export for the TensorBoard Embedding Projector ----

async function exportTables() {
  if (!map) return;
  const wanted = new Map();
  for (const i of chosen.size ? chosen : map.x.keys()) {
    const id = map.documents[map.document[i]].id;
    if (!wanted.has(id)) wanted.set(id, new Set());
    wanted.get(id).add(map.start_char[i]);
  }
  const fields = [...$("map-colour").options].map((o) => o.value).filter(Boolean);
  try {
    await exportPassages(loaded, wanted, fields, (n) => ($("map-state").textContent = words.mapExported(n)));
  } catch (error) {
    $("map-state").textContent = error.message;
  }
}

// ---- pointer and keys ----

const at = (event) => [event.offsetX, event.offsetY];

function zoom(factor, x, y) {
  const scale = Math.min(Math.max(view.scale * factor, 1e-4), 5);
  view.x += x / view.scale - x / scale;
  view.y += y / view.scale - y / scale;
  view.scale = scale;
  repaint();
}

function startPointer() {
  let held = null;
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    held = {from: at(event), moved: false};
    if (drawing || event.shiftKey) lasso = [at(event)];
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!map) return;
    const [x, y] = at(event);
    if (!held) return showCard(nearest(x, y), x, y);
    if (lasso) lasso.push([x, y]);
    else {
      view.x -= (x - held.from[0]) / view.scale;
      view.y -= (y - held.from[1]) / view.scale;
    }
    held.moved ||= Math.hypot(x - held.from[0], y - held.from[1]) > 3;
    if (!lasso) held.from = [x, y];
    repaint();
  });
  canvas.addEventListener("pointerup", (event) => {
    if (map && lasso) {
      chosen = new Set(map.x.map((_, i) => i).filter(inside));
      showPicked();
    } else if (map && held && !held.moved) {
      const i = nearest(...at(event));
      if (i >= 0) openReader(hitOf(i));
    }
    lasso = held = null;
    repaint();
  });
  canvas.addEventListener("pointerleave", () => showCard(-1));
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoom(Math.exp(-event.deltaY / 400), ...at(event));
  }, {passive: false});
  canvas.addEventListener("keydown", (event) => {
    const box = canvas.getBoundingClientRect();
    const step = 60 / view.scale;
    const moves = {ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step]};
    if (event.key === "+" || event.key === "=") zoom(1.25, box.width / 2, box.height / 2);
    else if (event.key === "-") zoom(0.8, box.width / 2, box.height / 2);
    else if (moves[event.key]) {
      view.x += moves[event.key][0];
      view.y += moves[event.key][1];
    } else return;
    event.preventDefault();
    repaint();
  });
}

// ---- loading ----

function sayPoints() {
  $("map-state").textContent = map.x.length ? words.mapPoints(map.x.length, map.passages) : words.mapEmpty;
}

async function load() {
  loaded = state.collection;
  map = null;
  chosen = new Set();
  found = new Set();
  showPicked();
  $("map-state").textContent = words.mapBusy;
  const wanted = loaded;
  try {
    const answer = await call("GET", collectionPath(wanted, "/map?limit=" + LIMIT));
    if (wanted !== loaded) return;
    map = answer;
    sayPoints();
    colourChoices();
    colour();
    index();
    size();
    fit();
    if ($("map-find").value.trim()) find();
    repaint();
  } catch (error) {
    loaded = "";
    $("map-state").textContent = error.message;
  }
}

function shown() {
  if (state.view !== "map" || !state.collection) return;
  if (loaded !== state.collection) load();
  else {
    size();
    repaint();
  }
}

export function startMap() {
  startPointer();
  $("map-colour").addEventListener("change", () => {
    if (map) colour();
    repaint();
  });
  $("map-lasso").addEventListener("click", (event) => {
    drawing = !drawing;
    event.target.setAttribute("aria-pressed", String(drawing));
  });
  $("map-reset").addEventListener("click", () => {
    chosen = new Set();
    showPicked();
    fit();
    repaint();
  });
  $("map-export").addEventListener("click", exportTables);
  $("map-find").addEventListener("change", find);
  new ResizeObserver(() => {
    if (state.view !== "map" || !map) return;
    size();
    repaint();
  }).observe(canvas);
  onChange(shown);
  shown();
}
