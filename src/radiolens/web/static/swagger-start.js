// Shows our own OpenAPI document; no validator badge, which would ask another host.
const said = (name) => document.querySelector(`meta[name="${name}"]`)?.content ?? "";

// What Swagger UI says to keyboards and screen readers, put right whenever it has drawn something.
const MENDED = [
  [".information-container", (part) => Object.assign(part, { role: "region", ariaLabel: "About" })],
  [".scheme-container", (part) => Object.assign(part, { role: "region", ariaLabel: "Authorization" })],
  ["h3, section.models h4", (title) => title.setAttribute("aria-level", "2")],
  [".opblock h4", (title) => title.setAttribute("aria-level", "3")],
  [".opblock h5", (title) => title.setAttribute("aria-level", "4")],
  [".opblock-summary-control a[href]", (link) => link.removeAttribute("href")], // inside of a button, which does the same
  ["pre.microlight:not([tabindex])", (text) => text.setAttribute("tabindex", "0")], // or it is not scrolled by keyboard
];

function mend(page) {
  for (const [selector, put] of MENDED) page.querySelectorAll(selector).forEach(put);
}

window.addEventListener("DOMContentLoaded", () => {
  const page = document.querySelector("#swagger-ui");
  new MutationObserver(() => mend(page)).observe(page, { childList: true, subtree: true });
  window.SwaggerUIBundle({
    dom_id: "#swagger-ui",
    url: `${said("root")}/openapi.json`,
    validatorUrl: null,
    deepLinking: true,
    requestInterceptor: (request) => {
      request.headers["X-CSRF-Token"] = said("csrf-token");
      return request;
    },
  });
});
