// Shows our own OpenAPI document; no validator badge, which would ask another host.
window.addEventListener("DOMContentLoaded", () => {
  window.SwaggerUIBundle({ dom_id: "#swagger-ui", url: "/openapi.json", validatorUrl: null, deepLinking: true });
});
