// The work list: sends what is chosen or dropped, and shows the list anew when something of it has changed.
import { batches } from "../batches.js";
import { droppedFiles, imagesOf, nameOf } from "../dropped.js";
import { word } from "../words.js";

const RENEW_MS = 700; // of many events the last one counts
const LONG_LIST = 200; // lines that are shown of one sending

const form = document.querySelector("#upload");
const status = document.querySelector("#status");
const queue = document.querySelector("#queue");
const lines = new Map(); // the link of each case that was sent from this page
const said = new Map(); // the last word on each case, which may come before its files are listed

function line(name, state) {
  const [item, told] = [document.createElement("li"), document.createElement("bdi")];
  told.textContent = name;
  item.append(told, " ");
  if (state) item.append(state);
  if (queue.children.length < LONG_LIST) queue.append(item);
  queue.hidden = false;
  return item;
}

// What goes into one request: as many series and files as fit, so that the files of one patient come together.
function requests(todo) {
  const { maxBytes, maxFiles } = form.dataset;
  const packed = [];
  let [bytes, count] = [Infinity, Infinity];
  for (const files of todo) {
    const size = files.reduce((sum, file) => sum + file.size, 0);
    if (size > maxBytes) line(nameOf(files[0]), word("too-large", { limit: Math.floor(maxBytes / 1e6) }));
    else if (files.length > maxFiles) line(nameOf(files[0]), word("too-many", { count: files.length, limit: Number(maxFiles) }));
    else {
      if (bytes + size > maxBytes || count + files.length > maxFiles) {
        packed.push([]);
        [bytes, count] = [0, 0];
      }
      packed.at(-1).push(...files);
      [bytes, count] = [bytes + size, count + files.length];
    }
  }
  return packed;
}

async function send(files) {
  const body = new FormData();
  const [study] = form.elements.task.selectedOptions;
  body.set("task", study.value);
  if (study.dataset.bundle) body.set("bundle", study.dataset.bundle);
  if (document.querySelector("#together").checked) body.set("together", "yes");
  files.forEach((file) => body.append("file", file, nameOf(file)));
  const headers = { "X-CSRF-Token": form.dataset.csrf, "X-Requested-With": "radiolens" };
  const answer = await fetch(form.action, { method: "POST", body, headers }).catch(() => null);
  if (!answer) return { cases: [], left_out: [], wrong: word("no-answer") };
  const told = await answer.json().catch(() => ({}));
  return { cases: told.cases ?? [], left_out: told.left_out ?? [], wrong: answer.ok ? "" : word("not-sent", { reason: told.detail ?? String(answer.status) }) };
}

function list({ cases, left_out: leftOut }) {
  for (const { case_id: caseId, images } of cases) {
    for (const { name, files } of images) {
      const link = document.createElement("a");
      link.href = `${form.dataset.case}${caseId}`;
      link.textContent = said.get(caseId) ?? word("waiting");
      lines.set(caseId, [...(lines.get(caseId) ?? []), link]);
      line(files > 1 ? `${name} ${word("more", { count: files - 1 })}` : name, link);
    }
  }
  for (const { name, message } of leftOut) line(name, message);
}

async function sendAll(chosen) {
  if (!chosen.length) return void (status.textContent = word("nothing"));
  let [sent, taken, left] = [0, 0, 0];
  const problems = [];
  for (const files of requests(await batches(chosen))) {
    status.textContent = word("sending", { sent, count: chosen.length });
    const told = await send(files);
    list(told);
    sent += files.length;
    taken += told.cases.reduce((sum, { images }) => sum + images.reduce((files_, image) => files_ + image.files, 0), 0);
    left += told.left_out.length;
    if (told.wrong) problems.push(told.wrong);
  }
  const parts = [taken ? word("sent", { count: taken }) : "", left ? word("left-out", { count: left }) : "", ...problems];
  status.textContent = parts.filter(Boolean).join(" ");
  renew();
}

let sending = Promise.resolve();
const later = (chosen) => { sending = sending.then(() => sendAll(chosen)); };

let renewing = 0;
function renew() {
  clearTimeout(renewing);
  renewing = setTimeout(async () => {
    const answer = await fetch(window.location.href, { headers: { "X-Requested-With": "radiolens" } }).catch(() => null);
    if (!answer?.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const [old, fresh] = [document.querySelector("#cases"), page.querySelector("#cases")];
    if (old.innerHTML === fresh.innerHTML) return; // or a press on a line could come to nothing
    const focused = old.contains(document.activeElement) ? document.activeElement.getAttribute("href") : "";
    old.replaceChildren(...fresh.childNodes);
    if (focused) old.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
  }, RENEW_MS);
}

function changed(told) {
  const { progress, disclosed, decision, case_id: caseId } = told;
  const waiting = progress.queued + progress.scoring > 0;
  const state = waiting ? "waiting" : disclosed ? decision : "hidden";
  said.set(caseId, word(state ?? "waiting"));
  for (const link of lines.get(caseId) ?? []) link.textContent = said.get(caseId);
}

const source = new EventSource(document.querySelector("main").dataset.events);
source.addEventListener("progress", renew, { once: true }); // for what changed before this page listened
source.addEventListener("case", ({ data }) => {
  changed(JSON.parse(data));
  renew();
});

if (form) {
  form.addEventListener("submit", (event) => event.preventDefault());
  form.querySelector("#files").addEventListener("change", ({ target }) => later([...target.files]));
  form.querySelector("#folder").addEventListener("change", async ({ target }) => later(await imagesOf(target.files)));
  window.addEventListener("dragover", (event) => {
    event.preventDefault();
    form.classList.add("over");
  });
  window.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) form.classList.remove("over");
  });
  window.addEventListener("drop", async (event) => {
    event.preventDefault();
    form.classList.remove("over");
    const chosen = await droppedFiles(event.dataTransfer).catch(() => null);
    if (chosen) later(chosen);
    else status.textContent = word("unreadable-drop");
  });
}
