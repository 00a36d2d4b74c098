// Which files of a folder only come along with images, told before they are sent: the names are those by which the server
// passes them over (imaging/companions.py), and so is what spares a file that begins as an image.

const { files, folders, programs, endings } = JSON.parse(document.querySelector("#upload").dataset.companions);
const HEAD_BYTES = 352;
const DICOM = [[128, "DICM"], [0, "\x08\x00"], [0, "\x02\x00"]];
const OTHERS = [[1, "PNG\r\n"], [0, "\xff\xd8\xff"], [0, "II*\0"], [0, "MM\0*"], [0, "II+\0"], [0, "MM\0+"],
  [0, "BM"], [344, "n+1\0"]];

async function begins(file, ...marks) {
  const head = new TextDecoder("latin1").decode(await file.slice(0, HEAD_BYTES).arrayBuffer());
  return marks.some(([place, mark]) => head.startsWith(mark, place));
}

const isHidden = (name) => /^\.+[^.]/.test(name);

/** Say whether nothing in a folder of this name is an image; some of an operating system may not even be listed. */
export function isCompanionFolder(name) {
  return isHidden(name) || folders.includes(name.toLowerCase());
}

async function isCompanion(file, path) {
  const parts = path.toLowerCase().split(/[/\\]/);
  const last = parts.pop();
  if (isHidden(last) || files.includes(last) || parts.some(isCompanionFolder)) return true;
  const inProgram = parts.some((part) => programs.some((ending) => part.endsWith(ending)));
  try {
    if (inProgram && !(await begins(file, ...DICOM))) return true;
    return /\./.test(last) && endings.includes(last.split(".").pop()) && !(await begins(file, ...DICOM, ...OTHERS));
  } catch {
    return false; // it cannot be read; sending it will say so
  }
}

/** Return those files, of which `pathOf` tells the path, that do not; all if no other is there, so that each is told of. */
export async function withoutCompanions(all, pathOf) {
  const told = await Promise.all(all.map((file) => isCompanion(file, pathOf(file))));
  const kept = all.filter((_, index) => !told[index]);
  return kept.length ? kept : all;
}
