// Bundles the viewer's library, with the licence of every package in it: `npm ci --ignore-scripts && npm run build`.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const PLACE = "cornerstone";
// The caption of a length is styled by an attribute, which our policy forbids; the same text may be set on its style.
const CAPTION = { file: /drawTextBox\.js$/, from: "textElement.setAttribute('style', combinedStyle)", to: "textElement.style.cssText = combinedStyle" };

const styled = {
  name: "styled-by-object-model",
  setup({ onLoad }) {
    onLoad({ filter: CAPTION.file }, ({ path }) => {
      const text = readFileSync(path, "utf8");
      if (text.split(CAPTION.from).length !== 2) throw new Error(`${path} is another one than the change was made for`);
      return { contents: text.replace(CAPTION.from, CAPTION.to), loader: "js" };
    });
  },
};

function packageOf(file) {
  return file.match(/node_modules\/((?:@[^/]+\/)?[^/]+)\//)?.[1];
}

// The text that a package means by "MIT" where it forgets the file.
const MIT = `Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;

function licence(name) {
  const folder = `node_modules/${name}`;
  const told = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
  const file = readdirSync(folder).find((entry) => /^licen[sc]e/i.test(entry));
  if (!file && told.license !== "MIT") throw new Error(`${name} (${told.license}) brings no text of its licence`);
  const holder = told.contributors?.[0]?.name ?? told.author?.name ?? told.author ?? "its authors";
  const text = file ? readFileSync(`${folder}/${file}`, "utf8").trim() : `Copyright ${holder}\n\n${MIT}`;
  return `${name} ${told.version}, ${told.license}\n\n${text}\n`;
}

const made = await build({
  entryPoints: { cornerstone: "cornerstone-entry.js" },
  outdir: PLACE,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  metafile: true,
  legalComments: "linked", // of what the packages have bundled themselves
  alias: { xmlbuilder2: "./absent.cjs" }, // vtk.js writes XML files with it, in Node
  plugins: [styled],
});
const output = made.metafile.outputs[`${PLACE}/cornerstone.js`];
const packages = [...new Set(Object.entries(output.inputs).filter(([, { bytesInOutput }]) => bytesInOutput).map(([file]) => packageOf(file)))];
const texts = packages.filter(Boolean).sort().map(licence);
writeFileSync(`${PLACE}/LICENSES.txt`, texts.join(`\n${"-".repeat(80)}\n\n`));

// npm copies addresses for donations into the lock file; nothing of ours names another host.
const lock = JSON.parse(readFileSync("package-lock.json", "utf8"));
for (const entry of Object.values(lock.packages)) delete entry.funding;
writeFileSync("package-lock.json", `${JSON.stringify(lock, null, 2)}\n`);
