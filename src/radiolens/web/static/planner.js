// Moves the marks and figures with the slider. Every number comes from the server as text; none is computed here.
const form = document.querySelector("#plan");
const slider = form.querySelector("#step");
const prevalence = document.querySelector("#prevalence");
let { steps } = JSON.parse(document.querySelector("#curves").textContent);

function show() {
  const step = steps[Number(slider.value)];
  slider.setAttribute("aria-valuetext", step.said);
  for (const figure of form.querySelectorAll("[data-figure]")) figure.textContent = step.texts[figure.dataset.figure];
  for (const mark of form.querySelectorAll("[data-mark]")) mark.setAttribute("d", mark.getAttribute("d").replace(/^M[\d.-]+/, `M${step.x}`));
  for (const dot of form.querySelectorAll("[data-dot]")) {
    const name = dot.dataset.dot;
    const [x, y] = name === "roc" ? step.roc : [step.x, step.y[name]];
    dot.toggleAttribute("hidden", y === undefined);
    if (y !== undefined) for (const [key, value] of [["cx", x], ["cy", y]]) dot.setAttribute(key, value);
  }
}

async function load() {
  if (!prevalence.checkValidity() || prevalence.value === "") return;
  const asked = prevalence.value;
  const query = new URLSearchParams({ question: form.dataset.question, prevalence: asked });
  const answer = await fetch(`${form.dataset.curves}?${query}`, { headers: { "X-Requested-With": "radiolens" } });
  if (!answer.ok || prevalence.value !== asked) return; // the button of the form loads the whole page, and says why
  const found = await answer.json();
  if (found.digest !== form.elements.digest.value) return;
  steps = found.steps;
  form.elements.prevalence.value = asked;
  for (const path of form.querySelectorAll("[data-curve]")) path.setAttribute("d", found.curves[path.dataset.curve][path.dataset.part]);
  show();
}

slider.value = form.dataset.at; // browsers keep the place of a slider over a reload, but not what belongs to it
slider.addEventListener("input", show);
prevalence.addEventListener("change", load);
show();
