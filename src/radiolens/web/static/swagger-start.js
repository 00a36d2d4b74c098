// Shows our own OpenAPI document; no validator badge, which would ask another host.
window.addEventListener("DOMContentLoaded", () => {
  const said = (name) => document.querySelector(`meta[name="${name}"]`)?.content ?? "";
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
