// Search while typing: one request at a time, the newest question next, answers to older ones dropped.
import {$, el, marked, languageName} from "./dom.js";
import {call, collectionPath} from "./api.js";
import {state, go, onChange, address} from "./state.js";
import {words} from "./words.js";
import {openReader} from "./reader.js";
import {filter, drawFilters} from "./filters.js";

const PAGE = 10;
let busy = false;
let wanted = null; // what is to be asked next: the newest only
let marking = null; // stops the search for sentences
let cursor = null;
let shown = 0;

function question(more) {
  const body = {k: PAGE};
  if (state.like) body.like = [state.like];
  else body.query = state.query.trim();
  if (!state.like && state.mode !== "semantic") body.mode = state.mode;
  if (state.languages.length) body.lang = state.languages;
  const conditions = filter();
  if (conditions) body.filter = conditions;
  if (more) body.cursor = more;
  return body;
}

function ask(more = null) {
  if (!state.like && !state.query.trim()) {
    wanted = null;
    clear();
    $("state").textContent = words.start;
    return;
  }
  wanted = {body: question(more), more, collection: state.collection};
  marking?.abort();
  if (!busy) next();
}

async function next() {
  busy = true;
  while (wanted) {
    const asked = wanted;
    wanted = null;
    const late = setTimeout(() => ($("state").textContent = words.searching), 400);
    try {
      const answer = await call("POST", collectionPath(asked.collection, "/search"), asked.body);
      if (!wanted) draw(answer, asked.more !== null);
      if (!wanted && asked.body.query && answer.hits.length) await markSentences(asked, answer.hits);
    } catch (error) {
      if (!wanted) fail(error);
    }
    clearTimeout(late);
  }
  busy = false;
}

// Answers first, then the sentence of each that is nearest to the question; the next question stops it.
async function markSentences(asked, hits) {
  marking = new AbortController();
  try {
    const answer = await call("POST", collectionPath(asked.collection, "/search"), {...asked.body, highlight: true}, marking.signal);
    const found = new Map(answer.hits.map((hit) => [hit.id, hit]));
    for (const [i, hit] of hits.entries())
      if (found.has(hit.id)) $("hits").children[shown - hits.length + i]?.querySelector(".passage").replaceWith(passage(found.get(hit.id)));
  } catch (error) {
    if (error.name !== "AbortError") throw error;
  }
  marking = null;
}

function clear() {
  $("hits").replaceChildren();
  $("more").hidden = true;
  cursor = null;
  shown = 0;
}

function fail(error) {
  clear();
  $("state").textContent = error.message;
}

function strength(relevance) {
  return relevance >= 0.6 ? "strong" : relevance >= 0.25 ? "good" : relevance >= 0.08 ? "fair" : "weak";
}

function relevanceBar(hit) {
  if (hit.relevance == null) return null;
  const word = strength(hit.relevance);
  return el("span", {class: "relevance " + word, title: words.probability(hit.relevance)},
    el("meter", {min: 0, max: 1, value: Math.sqrt(hit.relevance), "aria-label": words.strengthAbout}),
    words.strength[word]);
}

function numbers(hit) {
  const rows = ["score", "cosine", "bm25", "rerank"].filter((name) => typeof hit[name] === "number").map((name) => words.score(name, hit[name]));
  if (hit.relevance != null) rows.push(words.probability(hit.relevance));
  return el("p", {class: "numbers", hidden: true}, rows.join(" · "));
}

// Marks count bytes of the document; the passage begins at its `start`.
function passage(hit) {
  const ranges = (hit.highlights || []).map(([start, end]) => [start - hit.passage.start, end - hit.passage.start]);
  const sentence = hit.passage.sentence?.map((at) => at - hit.passage.start);
  const all = sentence && sentence[1] - sentence[0] === hit.passage.end - hit.passage.start;
  return el("p", {class: "passage", dir: "auto"}, ...marked(hit.passage.text.trimEnd(), ranges, all ? null : sentence));
}

function where(hit) {
  const parts = [hit.id];
  if (hit.passage.page) parts.push(words.page(hit.passage.page));
  else if (hit.passage.line > 1) parts.push(words.line(hit.passage.line));
  if (hit.passage.heading) parts.push(hit.passage.heading);
  return parts.map((part) => el("bdi", {class: "where"}, part));
}

function draw(answer, appending) {
  if (!appending) clear();
  const list = $("hits");
  for (const hit of answer.hits) list.append(drawHit(hit));
  shown += answer.hits.length;
  cursor = answer.next_cursor;
  $("more").hidden = !cursor;
  $("state").textContent = shown ? words.answers(shown, answer.took_ms.toFixed(answer.took_ms < 10 ? 1 : 0))
    : state.languages.length || state.fields.length ? words.nothingFiltered : words.nothing;
}

function badge(lang, about = "") {
  return el("span", {class: "badge", title: about + languageName(lang)}, about + lang);
}

function drawHit(hit) {
  const details = numbers(hit);
  const title = el("a", {href: "#", class: "title", dir: "auto", onclick: (event) => {
    event.preventDefault();
    openReader(hit);
  }}, hit.title || hit.id);
  return el("li", {class: "hit " + (hit.relevance == null ? "" : strength(hit.relevance))},
    el("h2", {}, title),
    el("p", {class: "facts"},
      badge(hit.lang), hit.passage.lang === hit.lang ? null : badge(hit.passage.lang, words.passageIn), ...where(hit), relevanceBar(hit)),
    passage(hit),
    el("p", {class: "actions"},
      el("button", {type: "button", class: "plain", onclick: () => openReader(hit)}, words.wholeText),
      el("a", {href: address({...state, like: hit.id, query: "", view: "search"}), class: "plain", onclick: (event) => {
        event.preventDefault();
        go({like: hit.id}, true);
      }}, words.moreLikeThis),
      el("button", {type: "button", class: "plain", "aria-expanded": "false", onclick: (event) => {
        details.hidden = !details.hidden;
        event.target.setAttribute("aria-expanded", String(!details.hidden));
      }}, words.numbers)),
    details);
}

function drawLike() {
  const line = $("like");
  line.hidden = !state.like;
  line.replaceChildren();
  if (state.like)
    line.append(words.likeHead, el("bdi", {}, state.like), " ", el("button", {type: "button", class: "plain", onclick: () => go({like: ""}, true)}, words.likeClose));
}

function move(step) {
  const titles = [...document.querySelectorAll("#hits .title")];
  const at = titles.indexOf(document.activeElement);
  if (at + step < 0) $("query").focus();
  else titles[Math.min(at + step, titles.length - 1)]?.focus();
}

function keys(event) {
  if (state.view !== "search" || document.querySelector("dialog[open]")) return;
  const typing = event.target.matches("input:not([type=radio]):not([type=checkbox]), select, textarea");
  if (event.key === "/" && !typing) $("query").focus();
  else if (event.key === "Escape") $("query").focus();
  else if (event.key === "ArrowDown" && (event.target.id === "query" || event.target.matches(".title, body"))) move(1);
  else if (event.key === "ArrowUp" && event.target.matches(".title")) move(-1);
  else return;
  event.preventDefault();
}

export function startSearch() {
  $("query").value = state.query;
  $("query").addEventListener("input", () => go({query: $("query").value, like: ""}));
  $("ask").addEventListener("submit", (event) => {
    event.preventDefault();
    history.pushState(null, "", address(state));
    ask();
  });
  $("modes").addEventListener("change", (event) => go({mode: event.target.value}));
  $("more").addEventListener("click", () => cursor && ask(cursor));
  document.addEventListener("keydown", keys);
  onChange((changed) => {
    if (document.activeElement !== $("query")) $("query").value = state.query;
    $("modes").querySelector(`[value=${state.mode}]`).checked = true;
    drawLike();
    if (changed.includes("collection")) drawFilters();
    if (state.view === "search" && changed.some((name) => name !== "view")) ask();
    else if (state.view === "search" && shown === 0) ask();
  });
  $("modes").querySelector(`[value=${state.mode}]`).checked = true;
  drawLike();
  drawFilters();
  if (state.view === "search") ask();
}
