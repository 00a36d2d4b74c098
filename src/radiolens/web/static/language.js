// The button beside the languages comes once another one is chosen; without scripts it is always there.
for (const form of document.querySelectorAll("form.language")) {
  const [select, button] = [form.querySelector("select"), form.querySelector("button")];
  const tell = () => { button.hidden = select.selectedOptions[0]?.defaultSelected ?? false; };
  select.addEventListener("input", tell);
  tell();
}
