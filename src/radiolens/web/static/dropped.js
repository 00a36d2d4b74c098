// The files of a drop, those in dropped folders included, and their names.

import { isCompanionFolder, withoutCompanions } from "./companions.js";

// The images of a folder that was chosen, in the order of their names; the browser gives them in any order.
export async function imagesOf(folder) {
  const found = await withoutCompanions([...folder], nameOf);
  return found.sort((a, b) => inOrder(nameOf(a), nameOf(b)));
}

const inOrder = new Intl.Collator("en", { numeric: true }).compare; // IM2 before IM10
const paths = new WeakMap();

// With its folders, since scanners number the files of every series alike.
export function nameOf(file) {
  return paths.get(file) || file.webkitRelativePath || file.name;
}

async function read(entry) {
  const file = await new Promise((resolve, reject) => { entry.file(resolve, reject); });
  paths.set(file, entry.fullPath.replace(/^\//, ""));
  return file;
}

async function children(folder) {
  const reader = folder.createReader();
  const all = [];
  for (;;) { // it gives at most 100 at a time
    const some = await new Promise((resolve, reject) => { reader.readEntries(resolve, reject); });
    if (!some.length) return all;
    all.push(...some);
  }
}

async function filesOf(entry) {
  if (entry.isFile) return [await read(entry)];
  if (isCompanionFolder(entry.name)) return [];
  const below = (await children(entry)).sort((a, b) => inOrder(a.name, b.name));
  const found = [];
  for (const child of below) found.push(...(await filesOf(child)));
  return found;
}

export async function droppedFiles(transfer) {
  // Both lists are taken before the first wait: the browser empties them after the event.
  const files = [...transfer.files];
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.some((entry) => entry.isDirectory)) return files;
  const found = [];
  for (const entry of entries) found.push(...(await filesOf(entry)));
  return withoutCompanions(found, nameOf);
}
