// Dark or light, as the reader has chosen on this device; before that as the device is set.
const KEPT = "radiolens-theme";
const page = document.documentElement;
const kept = localStorage.getItem(KEPT);
if (kept) page.dataset.theme = kept;

document.addEventListener("DOMContentLoaded", () => {
  const isDark = () => (page.dataset.theme ?? (matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark")) === "dark";
  for (const button of document.querySelectorAll(".theme")) {
    const tell = () => { button.textContent = isDark() ? button.dataset.light : button.dataset.dark; };
    button.addEventListener("click", () => {
      page.dataset.theme = isDark() ? "light" : "dark";
      localStorage.setItem(KEPT, page.dataset.theme);
      tell();
    });
    matchMedia("(prefers-color-scheme: light)").addEventListener("change", tell);
    button.hidden = false;
    tell();
  }
});
