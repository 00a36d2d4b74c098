// Sends one image or series at a time, so that each shows its own state and an error loses none of the others.
import { batches } from "./batches.js";
import { droppedFiles, imagesOf, nameOf } from "./dropped.js";
import { headers, root } from "./frame.js";
import { word } from "./words.js";

const form = document.querySelector("#upload");
const drop = document.querySelector("#drop");
const files = document.querySelector("#files");
const folder = document.querySelector("#folder");
const button = form.querySelector("button");
const results = document.querySelector("#results");
const status = document.querySelector("#status");
const progress = document.querySelector("#progress");
const queue = document.querySelector("#queue");

let running = Promise.resolve();
let waiting = 0; // runs that are not finished
let last = { chosen: [], study: "" }; // what was asked last; no study if it did not reach the program

const study = () => form.querySelector("input[name=study]:checked");
const studyName = (input) => input.closest("label").querySelector("strong").textContent;
const label = (batch) => nameOf(batch[0]) + (batch.length > 1 ? ` ${word("more", { count: batch.length - 1 })}` : "");

function say(text) {
  status.textContent = text;
}

function element(tag, text, className = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  made.className = className;
  return made;
}

function failed(name, text) {
  const card = element("article", "", "card unreadable");
  const title = element("h2", word("failed"));
  title.tabIndex = -1;
  title.id = `failed-${crypto.getRandomValues(new Uint32Array(1))[0]}`;
  card.setAttribute("aria-labelledby", title.id);
  Object.assign(card.dataset, { headline: title.textContent, state: "unreadable" });
  const file = element("p", "", "file");
  file.append(element("bdi", name));
  card.append(title, file, element("p", text, "problem"));
  return [card];
}

function tooLarge(batch) {
  const bytes = batch.reduce((sum, file) => sum + file.size, 0);
  const { maxBytes, maxFiles } = form.dataset;
  if (bytes > maxBytes) {
    return word("tooLarge", { found: Math.round(bytes / 1e6), most: Math.floor(maxBytes / 1e6) });
  }
  return batch.length > maxFiles ? word("tooMany", { found: batch.length, most: Number(maxFiles) }) : "";
}

async function cards(batch, key) {
  const refusal = tooLarge(batch);
  if (refusal) return failed(label(batch), refusal);
  const body = new FormData();
  body.set("study", key);
  batch.forEach((file) => body.append("file", file, nameOf(file)));
  let answer;
  try {
    answer = await fetch(`${root}/`, { method: "POST", body, headers });
  } catch {
    last.study = "";
    return failed(label(batch), word("noAnswer"));
  }
  const text = await answer.text();
  if (!answer.ok) {
    const isProblem = answer.headers.get("content-type")?.includes("json");
    return failed(label(batch), isProblem ? JSON.parse(text).detail : word("error", { status: String(answer.status) }));
  }
  const holder = document.createElement("template");
  holder.innerHTML = text; // our own page's fragment, in which the server escaped every name
  return [...holder.content.querySelectorAll(".card")];
}

function listed(todo) {
  const lines = todo.map((batch) => {
    const line = document.createElement("li");
    line.append(element("bdi", label(batch)), ": ", element("span", word("waiting")));
    return line;
  });
  queue.replaceChildren(...lines);
  progress.hidden = todo.length < 2;
  return lines;
}

function link(line, made) {
  const links = made.map((card) => {
    const target = element("a", card.dataset.headline);
    target.href = `#${card.querySelector("h2").id}`;
    return target;
  });
  line.querySelector("span").replaceChildren(...links.flatMap((target, index) => (index ? [", ", target] : [target])));
}

function summary(made) {
  const count = (...states) => made.filter((card) => states.includes(card.dataset.state)).length;
  const parts = [
    [count("present"), "present"],
    [count("absent"), "absent"],
    [count("indeterminate"), "undecided"],
    [count("refused", "unreadable"), "refused"],
  ];
  const told = parts.filter(([number]) => number).map(([number, key]) => word(key, { count: number }));
  if (made.length === 1) return word("doneOne", { headline: made[0].dataset.headline });
  const mark = made.some((card) => card.querySelector(".imported")) ? ` ${word("imported")}` : "";
  return word("done", { count: made.length, parts: told.join(", ") }) + mark;
}

function focusOn(target, before) {
  // Only if the user has not gone on to something else in the meantime.
  if ([document.body, before].includes(document.activeElement)) target.focus();
}

async function run(chosen, asked, before) {
  const todo = await batches(chosen);
  const lines = listed(todo);
  const place = element("div", "", "run");
  results.prepend(place);
  const made = [];
  for (const [index, batch] of todo.entries()) {
    const where = { name: label(batch), study: studyName(asked), number: index + 1, total: todo.length };
    say(word(todo.length > 1 ? "analysingOf" : "analysing", where));
    lines[index].querySelector("span").textContent = word("inWork");
    const found = await cards(batch, asked.value);
    place.append(...found);
    link(lines[index], found);
    made.push(...found);
  }
  say(summary(made));
  focusOn(progress.hidden ? made[0].querySelector("h2") : document.querySelector("#progress-title"), before);
}

function analyse(chosen) {
  if (!chosen.length) {
    say(word("nothing"));
    files.focus();
    return;
  }
  const [asked, before] = [study(), document.activeElement];
  last = { chosen, study: asked.value };
  waiting += 1;
  button.setAttribute("aria-disabled", "true");
  running = running
    .then(() => run(chosen, asked, before))
    .catch((error) => {
      last.study = "";
      say(word("stopped", { reason: error.message }));
    })
    .finally(() => {
      waiting -= 1;
      if (!waiting) button.removeAttribute("aria-disabled");
    });
}

function again() {
  if (waiting) return say(word("still"));
  if (last.chosen.length && last.study === study().value) {
    say(word("already"));
    return results.querySelector("h2")?.focus();
  }
  return analyse(last.chosen);
}

async function picked(event) {
  const chosen = event.target === folder ? await imagesOf(folder.files) : [...files.files];
  if (chosen.length) analyse(chosen);
}

document.documentElement.classList.add("script");
files.required = false; // the script says what is missing, and folders and dropped images do not fill the field
form.addEventListener("submit", (event) => {
  event.preventDefault();
  again();
});
files.addEventListener("change", picked);
folder.addEventListener("change", picked);

// On the whole page, since a file that misses the field would otherwise replace the page and its results.
window.addEventListener("dragover", (event) => {
  event.preventDefault();
  drop.classList.add("over");
});
window.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) drop.classList.remove("over");
});
window.addEventListener("drop", async (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  const chosen = await droppedFiles(event.dataTransfer).catch(() => null);
  if (chosen) analyse(chosen);
  else say(word("undroppable"));
});

results.addEventListener("input", (event) => {
  if (!event.target.matches(".opacity")) return;
  event.target.closest(".card").querySelectorAll(".heat").forEach((map) => {
    map.style.opacity = event.target.value / 100;
  });
});
