// What the page says to its scripts: where the app begins, and the token that a change has to bring.
const said = (name) => document.querySelector(`meta[name="${name}"]`)?.content ?? "";

export const root = said("root");

// Headers of every request of our own scripts; "radiolens" asks for words in the language of the page.
export const headers = { "X-Requested-With": "radiolens", "X-CSRF-Token": said("csrf-token") };
