// Languages and fields of the metadata to choose by, as the collection's figures list them.
import {$, el, count, languageName} from "./dom.js";
import {call, collectionPath} from "./api.js";
import {state, go} from "./state.js";
import {words} from "./words.js";

const LANGUAGES = 24;

// The conditions chosen, in the API's filter language; null for none.
export function filter() {
  const conditions = state.fields.map((f) => ({field: f.name, eq: f.value}));
  return conditions.length > 1 ? {and: conditions} : conditions[0] || null;
}

function chooseLanguage(event) {
  const lang = event.target.value;
  go({languages: event.target.checked ? [...state.languages, lang] : state.languages.filter((l) => l !== lang)});
}

function languageBoxes(languages) {
  return el("fieldset", {}, el("legend", {}, words.languages),
    ...languages.slice(0, LANGUAGES).map(({lang, documents}) => el("label", {title: languageName(lang)},
      el("input", {type: "checkbox", value: lang, checked: state.languages.includes(lang), onchange: chooseLanguage}),
      " ", languageName(lang), el("span", {class: "quiet"}, " " + count(documents)))));
}

function fieldSelect(field) {
  const chosen = state.fields.find((f) => f.name === field.name);
  const select = el("select", {onchange: () => {
    const others = state.fields.filter((f) => f.name !== field.name);
    go({fields: select.value ? [...others, {name: field.name, value: JSON.parse(select.value)}] : others});
  }}, el("option", {value: ""}, words.any), ...field.values.map(({value, documents}) => el("option", {
    value: JSON.stringify(value),
    selected: chosen !== undefined && chosen.value === value,
  }, String(value) + " (" + count(documents) + ")")));
  return el("label", {class: "field"}, el("span", {}, field.name), select);
}

// A field whose every document has another value (a path, a date) is nothing to choose from.
const choosable = (field, documents) => field.values.some((v) => v.documents > 1) && field.distinct < Math.max(2, documents / 2) + 2;

export async function drawFilters() {
  const panel = $("filters");
  if ("missing" in ($("collection").selectedOptions[0]?.dataset || {})) {
    $("state").textContent = words.empty + " " + words.howToFill;
    return panel.replaceChildren();
  }
  let stats;
  try {
    stats = await call("GET", collectionPath(state.collection, "/stats"));
  } catch {
    return panel.replaceChildren(); // the search itself says what is wrong
  }
  const parts = [];
  if (stats.languages.length > 1) parts.push(languageBoxes(stats.languages));
  const fields = stats.fields.filter((field) => choosable(field, stats.documents));
  if (fields.length) parts.push(el("div", {class: "fields"}, ...fields.map(fieldSelect)));
  if (parts.length)
    parts.push(el("button", {type: "button", class: "plain", onclick: () => {
      go({languages: [], fields: []});
      drawFilters();
    }}, words.clear));
  panel.replaceChildren(...parts);
  if (stats.documents === 0) $("state").textContent = words.empty + " " + words.howToFill;
}
