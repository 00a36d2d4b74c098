// The texts of a script, in the language of the page: <script type="application/json" class="words"> in its template.
const language = document.documentElement.lang;
const rules = new Intl.PluralRules(language);
const numbers = new Intl.NumberFormat(language);
const texts = Object.assign({}, ...[...document.querySelectorAll("script.words")].map((element) => JSON.parse(element.textContent)));

/** Return a text with each %(name)s replaced. Of one with plural forms, `values.count` chooses the form. */
export function word(key, values = {}) {
  const found = texts[key];
  const text = typeof found === "string" ? found : (found[rules.select(values.count)] ?? found.other);
  return text.replace(/%%|%\((\w+)\)s/g, (mark, name) => (mark === "%%" ? "%" : written(values[name])));
}

function written(value) {
  return typeof value === "number" ? numbers.format(value) : String(value);
}
