// Collections, jobs and the server's figures; text files dropped here become documents.
import {$, el, count, languageName} from "./dom.js";
import {call, collectionPath, Problem} from "./api.js";
import {state, onChange} from "./state.js";
import {words} from "./words.js";

const EVERY_MS = 2000;
const MOST_BYTES = 16 << 20;
let timer = 0;

const when = (text) => new Date(text).toLocaleString();

function table(caption, heads, rows) {
  return el("table", {}, el("caption", {}, caption),
    el("thead", {}, el("tr", {}, ...heads.map((head) => el("th", {scope: "col"}, head)))),
    el("tbody", {}, ...rows));
}

function collectionRow(c) {
  const languages = (c.languages || []).slice(0, 6).map((l) => languageName(l.lang)).join(", ") + ((c.languages || []).length > 6 ? " …" : "");
  return el("tr", {}, el("th", {scope: "row"}, el("a", {href: "#c=" + encodeURIComponent(c.name)}, c.name)),
    el("td", {class: "number"}, count(c.documents)), el("td", {class: "number"}, count(c.passages)),
    el("td", {}, languages), el("td", {}, c.model), el("td", {}, when(c.updated)));
}

function jobRow(job) {
  const running = job.state === "running" || job.state === "queued";
  const done = job.total ? el("span", {}, el("progress", {max: job.total, value: job.done, "aria-label": job.kind}), " " + count(job.done) + " / " + count(job.total)) : count(job.done);
  return el("tr", {}, el("td", {}, job.id.slice(0, 8)), el("td", {}, job.kind), el("td", {}, job.state), el("td", {}, done),
    el("td", {class: "number"}, job.rate ? count(Math.round(job.rate)) + "/s" : ""),
    el("td", {}, job.eta_s != null && running ? Math.ceil(job.eta_s) + " s" : "",
      running ? el("button", {type: "button", class: "plain", onclick: () => call("DELETE", "v1/jobs/" + encodeURIComponent(job.id)).then(draw)}, words.cancel) : null));
}

async function jobs() {
  try {
    const answer = await call("GET", "v1/jobs");
    return answer.jobs;
  } catch (error) {
    if (error instanceof Problem && error.status !== 0) return []; // a key that may only read does not see them
    throw error;
  }
}

async function draw() {
  clearTimeout(timer);
  if (state.view !== "collections") return;
  try {
    const [{collections}, running] = await Promise.all([call("GET", "v1/collections"), jobs()]);
    const full = await Promise.all(collections.map((c) => call("GET", collectionPath(c.name))));
    $("status").replaceChildren(table(words.collectionsHead, words.collection, full.map(collectionRow)),
      running.length ? table(words.jobsHead, words.jobs, running.map(jobRow)) : el("p", {class: "quiet"}, words.noJobs));
  } catch (error) {
    $("status").replaceChildren(el("p", {role: "alert"}, error.message));
  }
  timer = setTimeout(draw, EVERY_MS);
}

// ---- adding ----

async function readFile(file) {
  if (file.size > MOST_BYTES) throw new Error(words.tooLarge(file.name));
  try {
    const text = new TextDecoder("utf-8", {fatal: true}).decode(await file.arrayBuffer());
    if (text.includes("\0")) throw new Error();
    return text;
  } catch {
    throw new Error(words.notText(file.name));
  }
}

async function add(files) {
  for (const file of files) {
    const line = el("li", {}, words.reading(file.name));
    $("added").prepend(line);
    try {
      const text = await readFile(file);
      const body = {id: file.webkitRelativePath || file.name, title: file.name, text};
      const answer = await call("POST", collectionPath(state.collection, "/documents"), body);
      line.textContent = words.added(answer.results[0]);
    } catch (error) {
      line.className = "bad";
      line.textContent = error instanceof Problem ? words.failed(file.name, error.message) : error.message;
    }
  }
  draw();
}

export function startCollections() {
  const zone = $("drop");
  $("files").addEventListener("change", (event) => {
    add([...event.target.files]);
    event.target.value = "";
  });
  for (const name of ["dragenter", "dragover"])
    zone.addEventListener(name, (event) => {
      event.preventDefault();
      zone.classList.add("over");
    });
  for (const name of ["dragleave", "drop"]) zone.addEventListener(name, () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    add([...event.dataTransfer.files]);
  });
  onChange((changed) => changed.includes("view") && draw());
  draw();
}
