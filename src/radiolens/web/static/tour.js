// The tour of a page: a modal dialog, so that the browser keeps the focus in it and Escape ends it.
const tour = document.querySelector("#tour");
const offer = document.querySelector("#tour-offer");
const [back, on, end] = ["back", "on", "end"].map((name) => document.querySelector(`#tour-${name}`));
const KEPT = `radiolens-tour-${tour.dataset.name}`;
const NEXT = on.textContent;

let steps = []; // those whose place is on the page and can be seen
let at = 0;

const place = (step) => document.querySelector(step.dataset.target);
const found = () => [...tour.querySelectorAll(".step")].filter((step) => place(step)?.checkVisibility());

function show(number) {
  steps.forEach((step) => {
    step.hidden = true;
    place(step).classList.remove("toured");
  });
  at = number;
  const step = steps[at];
  const title = step.querySelector("h2");
  step.hidden = false;
  place(step).classList.add("toured");
  place(step).scrollIntoView({ block: "nearest" });
  tour.setAttribute("aria-labelledby", title.id);
  back.disabled = at === 0;
  on.textContent = at === steps.length - 1 ? on.dataset.last : NEXT;
  title.focus();
}

function seen() {
  localStorage.setItem(KEPT, "seen");
  offer.hidden = true;
}

function start() {
  steps = found();
  if (!steps.length || tour.open) return;
  tour.showModal();
  show(0);
}

back.addEventListener("click", () => show(at - 1));
on.addEventListener("click", () => (at === steps.length - 1 ? tour.close() : show(at + 1)));
end.addEventListener("click", () => tour.close());
tour.addEventListener("keydown", (event) => {
  if (event.key === "ArrowRight" && at < steps.length - 1) show(at + 1);
  if (event.key === "ArrowLeft" && at > 0) show(at - 1);
});
tour.addEventListener("close", () => {
  place(steps[at]).classList.remove("toured");
  seen();
});
document.querySelectorAll(".start-tour").forEach((button) => {
  button.hidden = false;
  button.addEventListener("click", start);
});
document.querySelector("#no-tour").addEventListener("click", seen);
if ("offered" in tour.dataset && !localStorage.getItem(KEPT) && found().length > 1) offer.hidden = false; // not on an error in its place
if (location.hash === "#tour") start();
