// Starts the page: which collection, which view, which colours.
import {$, el} from "./dom.js";
import {call} from "./api.js";
import {state, go, onChange, address, setHome} from "./state.js";
import {words} from "./words.js";
import {startSearch} from "./search.js";
import {startReader} from "./reader.js";
import {startMap} from "./map.js";
import {startCollections} from "./collections.js";

const THEME = "cognate-theme";
const views = ["search", "map", "collections"];

function showView() {
  for (const view of views) $("view-" + view).hidden = view !== state.view;
  for (const link of document.querySelectorAll("nav a")) {
    link.href = address({...state, view: link.dataset.view});
    if (link.dataset.view === state.view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

function setTheme(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  $("theme").setAttribute("aria-label", words.themes[theme]);
  $("theme").title = words.themes[theme];
}

function startTheme() {
  const order = ["auto", "light", "dark"];
  const kept = localStorage.getItem(THEME);
  let theme = order.includes(kept) ? kept : "auto";
  setTheme(theme);
  $("theme").addEventListener("click", () => {
    theme = order[(order.indexOf(theme) + 1) % order.length];
    localStorage.setItem(THEME, theme);
    setTheme(theme);
  });
}

function notice(text) {
  $("notice").textContent = text;
  $("notice").hidden = !text;
}

async function loadCollections() {
  const {collections} = await call("GET", "v1/collections");
  const names = collections.map((c) => c.name);
  if (!names.includes(state.collection)) setHome(names.includes("default") || names.length === 0 ? "default" : names[0]);
  const options = names.map((name) => el("option", {value: name, selected: name === state.collection}, name));
  if (names.length === 0) options.push(el("option", {value: state.collection, "data-missing": true}, state.collection));
  $("collection").replaceChildren(...options);
}

async function start() {
  startTheme();
  startReader();
  showView();
  onChange(showView);
  onChange(() => ($("collection").value = state.collection));
  for (const link of document.querySelectorAll("[data-view]"))
    link.addEventListener("click", (event) => {
      event.preventDefault();
      go({view: link.dataset.view}, true);
      $(link.dataset.view === "search" ? "query" : "main").focus();
    });
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault(); // the address holds what is shown
    $("main").focus();
  });
  $("collection").addEventListener("change", () => go({collection: $("collection").value, languages: [], fields: [], like: ""}, true));
  try {
    await loadCollections();
    $("about").textContent = words.about(await call("GET", "version"));
  } catch (error) {
    notice(error.message);
    addEventListener("online", () => location.reload(), {once: true});
  }
  startSearch();
  startMap();
  startCollections();
  showView();
}

start();
