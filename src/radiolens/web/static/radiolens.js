// Sends images one request at a time, so that each shows its own state and an error loses none of the others.
const form = document.querySelector("#upload");
const drop = document.querySelector("#drop");
const files = document.querySelector("#files");
const results = document.querySelector("#results");
const status = document.querySelector("#status");

function say(text) {
  status.textContent = text;
}

function failed(name, text) {
  const card = document.createElement("article");
  card.className = "card unreadable";
  const title = document.createElement("h2");
  title.textContent = "This file could not be analysed";
  const reason = document.createElement("p");
  reason.textContent = `${name}: ${text}`;
  card.append(title, reason);
  results.prepend(card);
}

async function looksLikeDicom(file) {
  const start = new Uint8Array(await file.slice(128, 132).arrayBuffer());
  return String.fromCharCode(...start) === "DICM";
}

async function batches(chosen) {
  // DICOM files go together, since several can be one series; every other image goes by itself.
  const kinds = await Promise.all(chosen.map(looksLikeDicom));
  const series = chosen.filter((_, index) => kinds[index]);
  const single = chosen.filter((_, index) => !kinds[index]).map((file) => [file]);
  return series.length ? [series, ...single] : single;
}

async function send(batch) {
  const body = new FormData();
  body.set("study", new FormData(form).get("study"));
  batch.forEach((file) => body.append("file", file, file.name));
  const answer = await fetch("/", { method: "POST", body, headers: { "X-Requested-With": "radiolens" } });
  const text = await answer.text();
  if (!answer.ok) {
    throw new Error(answer.headers.get("content-type")?.includes("json") ? JSON.parse(text).detail : text);
  }
  results.insertAdjacentHTML("afterbegin", text);
}

async function analyse(chosen) {
  const todo = await batches([...chosen]);
  for (const [index, batch] of todo.entries()) {
    say(`Analysing ${index + 1} of ${todo.length}: ${batch[0].name}`);
    try {
      await send(batch);
    } catch (error) {
      failed(batch[0].name, error.message);
    }
  }
  say(todo.length ? `Done: ${todo.length} analysed. Newest result first.` : "");
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  analyse(files.files);
});
files.addEventListener("change", () => analyse(files.files));
drop.addEventListener("dragover", (event) => {
  event.preventDefault();
  drop.classList.add("over");
});
drop.addEventListener("dragleave", () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  analyse(event.dataTransfer.files);
});

results.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-shows]");
  if (!button) return;
  const card = button.closest(".card");
  const on = button.getAttribute("aria-pressed") !== "true";
  card.querySelectorAll("button[data-shows]").forEach((other) => other.setAttribute("aria-pressed", "false"));
  card.querySelectorAll(".heat").forEach((map) => { map.hidden = true; });
  button.setAttribute("aria-pressed", String(on));
  card.querySelector(`.heat[data-map="${button.dataset.shows}"]`).hidden = !on;
});
results.addEventListener("input", (event) => {
  if (!event.target.matches(".opacity")) return;
  event.target.closest(".card").querySelectorAll(".heat").forEach((map) => {
    map.style.opacity = event.target.value / 100;
  });
});
