// Which files go together: the files of one DICOM series, told by its UID; every other file goes by itself.
// A guess for showing progress; the server reads the headers rightly and answers each series by itself.

const HEAD_BYTES = 256 * 1024; // SeriesInstanceUID stands near the beginning
const MARK = "DICM";
const MARK_AT = 128;
const TAG = "\x20\x00\x0e\x00"; // (0020,000E), little endian

function uidAt(head, place) {
  const explicit = head.slice(place + 4, place + 6) === "UI";
  const length = head.charCodeAt(place + (explicit ? 6 : 4));
  const found = head.slice(place + 8, place + 8 + length);
  return /^[0-9.]+\0?$/.test(found) ? found : "";
}

function seriesUid(head) {
  for (let place = head.indexOf(TAG); place >= 0; place = head.indexOf(TAG, place + 1)) {
    const found = uidAt(head, place);
    if (found) return found;
  }
  return "unknown"; // deflated or big endian: sent together, so that the server can put them together
}

async function seriesOf(file) {
  try {
    const head = new TextDecoder("latin1").decode(await file.slice(0, HEAD_BYTES).arrayBuffer());
    return head.slice(MARK_AT, MARK_AT + 4) === MARK ? seriesUid(head) : file;
  } catch {
    return file; // it cannot be read; sending it will say so
  }
}

export async function batches(files) {
  const found = new Map();
  for (const file of files) {
    const key = await seriesOf(file);
    found.set(key, [...(found.get(key) ?? []), file]);
  }
  return [...found.values()];
}
