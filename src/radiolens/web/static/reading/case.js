// The page of a case: its viewer, its keys, and the answer that appears when the network has finished.
import { word } from "../words.js";
import { Heat } from "./heat.js";
import { Viewer } from "./viewer.js";

const CONTRAST_STEP = 1.15;
const BRIGHTNESS_STEP = 0.05; // of the window's width
const ONE = new Intl.NumberFormat(document.documentElement.lang, { maximumFractionDigits: 1 });
const FILMS = ["CR", "DX", "RG"];

const find = (selector) => document.querySelector(selector);
const frame = find("#viewer");

function edgesOf({ left, right, top, bottom }, rotation) {
  const round = [top, right, bottom, left];
  const shift = Math.round(rotation / 90);
  return ["top", "right", "bottom", "left"].map((edge, place) => [edge, round[(place - shift + 4) % 4]]);
}

function tellPlace(viewer, read) {
  if (viewer.slices < 2) return "";
  const key = read.includes(viewer.index) ? "slice-read" : "slice";
  return word(key, { number: viewer.index + 1, count: viewer.stack.count });
}

function tellWindow(viewer) {
  const { centre, width } = viewer.window;
  return word(viewer.stack.unit === "hounsfield" ? "window-hu" : "window", { centre: ONE.format(centre), width: ONE.format(width) });
}

function wire(viewer, heat, read) {
  const [told, slice, sliceName] = [find("#told"), find("#slice"), find("#slice-name")];

  function tell() {
    const place = tellPlace(viewer, read);
    const elsewhere = heat.elsewhere ? word("lower", { number: heat.slice + 1 }) : "";
    told.textContent = [place, tellWindow(viewer), elsewhere].filter(Boolean).join("\n");
    sliceName.textContent = place;
    slice.value = viewer.place;
    slice.setAttribute("aria-valuetext", place);
    for (const [edge, letter] of edgesOf(viewer.stack.edges, viewer.rotation)) find(`.edge.${edge}`).textContent = letter;
    find("[data-do=invert]").setAttribute("aria-pressed", viewer.inverted);
  }

  viewer.addEventListener("drawn", tell);
  slice.addEventListener("input", () => viewer.go(Number(slice.value)));

  function use(tool) {
    viewer.use(tool);
    find("#screen").dataset.tool = tool;
    frame.querySelectorAll("button[data-tool]").forEach((button) => button.setAttribute("aria-pressed", button.dataset.tool === tool));
  }

  function full() {
    if (document.fullscreenElement) document.exitFullscreen();
    else frame.requestFullscreen();
  }

  document.addEventListener("fullscreenchange", () => find("[data-do=full]").setAttribute("aria-pressed", Boolean(document.fullscreenElement)));

  function changeMap() {
    const choices = [...frame.querySelectorAll("[name=map]")];
    const next = choices[(choices.findIndex((choice) => choice.checked) + 1) % choices.length];
    if (next) Object.assign(next, { checked: true }).dispatchEvent(new Event("input", { bubbles: true }));
  }

  const adjust = (narrower, darker) => {
    const { centre, width } = viewer.window;
    viewer.window = { centre: centre + darker * BRIGHTNESS_STEP * width, width: width / CONTRAST_STEP ** narrower };
  };
  const does = { invert: () => viewer.invert(), turn: () => viewer.turn(1), fit: () => { viewer.fit(); viewer.forgetLengths(); }, full };
  const lengths = () => { if (viewer.stack.spacing_mm) use(viewer.tool === "length" ? "window" : "length"); };

  const keys = {
    ArrowUp: () => viewer.go(viewer.place - 1), ArrowDown: () => viewer.go(viewer.place + 1),
    PageUp: () => viewer.go(viewer.place - 1), PageDown: () => viewer.go(viewer.place + 1),
    Home: () => viewer.go(0), End: () => viewer.go(viewer.slices - 1),
    "Shift+ArrowUp": () => viewer.move(0, -1), "Shift+ArrowDown": () => viewer.move(0, 1),
    "Shift+ArrowLeft": () => viewer.move(-1, 0), "Shift+ArrowRight": () => viewer.move(1, 0),
    "Alt+ArrowUp": () => adjust(0, -1), "Alt+ArrowDown": () => adjust(0, 1),
    "Alt+ArrowLeft": () => adjust(-1, 0), "Alt+ArrowRight": () => adjust(1, 0),
    "+": () => viewer.zoom(1), "=": () => viewer.zoom(1), "-": () => viewer.zoom(-1), 0: does.fit,
    i: does.invert, r: does.turn, f: full, l: lengths, h: changeMap,
  };

  // Only while the image has the focus, so that no letter does anything while somebody writes.
  find("#screen").addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const act = keys[`${event.altKey ? "Alt+" : ""}${event.shiftKey && key.length > 1 ? "Shift+" : ""}${key}`];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation(); // the library's own keys would do something else
    act();
  }, true);

  frame.addEventListener("click", ({ target }) => {
    const { tool, do: action, preset } = target.closest("button")?.dataset ?? {};
    if (tool) use(tool);
    if (action) does[action]();
    if (preset) viewer.window = viewer.stack.presets.find(({ name }) => name === preset);
  });
  frame.addEventListener("input", ({ target }) => {
    if (target.name === "map") {
      frame.classList.toggle("mapped", Boolean(target.value));
      heat.show(target.value).then(tell);
    }
    if (target.id === "opacity") {
      heat.opacity = target.value / 100;
      heat.draw();
    }
  });
  use("window");
  tell();
}

function offer({ stack, slices }) {
  const slice = find("#slice");
  slice.max = slices - 1;
  slice.closest("label").hidden = slices < 2;
  const sided = Object.values(stack.edges).some(Boolean);
  find("#no-sides").hidden = sided;
  find("#no-spacing").hidden = Boolean(stack.spacing_mm);
  find("#projected").hidden = !(stack.spacing_mm && FILMS.includes(stack.modality));
  const length = find("[data-tool=length]");
  length.disabled = !stack.spacing_mm;
  const presets = find(".presets");
  presets.hidden = !stack.presets.length;
  presets.append(...stack.presets.map(({ name }) => {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.preset = name;
    button.textContent = word(name);
    return button;
  }));
}

async function show() {
  const { address, read, first } = frame.dataset;
  const loading = find("#loading");
  frame.hidden = false; // it needs its size
  try {
    const viewer = new Viewer(find("#film"));
    await viewer.open(address, first === "" ? -1 : Number(first));
    offer(viewer);
    wire(viewer, new Heat(find("#heat"), viewer), JSON.parse(read));
    loading.hidden = true;
    frame.dataset.shown = "yes";
  } catch (error) {
    frame.hidden = true;
    loading.textContent = word("not-shown", { reason: error.message });
  }
}

async function reloadOnceAnswered() {
  const answer = await fetch(window.location.href, { headers: { "X-Requested-With": "radiolens" } });
  if (!answer.ok) return false;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (page.querySelector("main").dataset.waiting) return false;
  window.location.reload(); // with its maps, and the slice that the network looked at
  return true;
}

function wait() {
  const { case: caseId, events } = find("main").dataset;
  const source = new EventSource(events);
  const look = async () => { if (await reloadOnceAnswered()) source.close(); };
  source.addEventListener("progress", look, { once: true }); // the answer may have come before this page listened
  source.addEventListener("case", ({ data }) => { if (JSON.parse(data).case_id === caseId) look(); });
}

if (frame) show();
if (find("main").dataset.waiting) wait();
