// Gives Cornerstone the slices that the server has decoded: `radiolens:<address of the image>#<place>`.
import { Enums, imageLoader, metaData } from "../vendor/cornerstone/cornerstone.js";

const SCHEME = "radiolens";
const stacks = new Map(); // what is told of the stack at an address

const parts = (imageId) => imageId.slice(SCHEME.length + 1).split("#");
const typed = { int16: Int16Array, uint16: Uint16Array };

export class NotShown extends Error {} // its message is the server's, for the reader

async function answered(address) {
  const answer = await fetch(address, { headers: { "X-Requested-With": "radiolens" } });
  if (answer.ok) return answer;
  const isProblem = answer.headers.get("content-type")?.includes("json");
  throw new NotShown(isProblem ? (await answer.json()).detail : String(answer.status));
}

export async function openStack(address) {
  const told = await (await answered(`${address}/stack`)).json();
  stacks.set(address, told);
  return told;
}

export const imageIds = (address) => stacks.get(address).indices.map((_, place) => `${SCHEME}:${address}#${place}`);

async function load(imageId) {
  const [address, place] = parts(imageId);
  const told = stacks.get(address);
  const bytes = await (await answered(`${address}/slices/${place}`)).arrayBuffer();
  const pixels = new typed[told.type](bytes);
  const [smallest, largest] = pixels.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]);
  const [rowSpacing, columnSpacing] = told.spacing_mm ?? [1, 1];
  return {
    imageId,
    minPixelValue: smallest,
    maxPixelValue: largest,
    slope: told.slope,
    intercept: told.intercept,
    windowCenter: told.window.centre,
    windowWidth: told.window.width,
    voiLUTFunction: Enums.VOILUTFunctionType.LINEAR_EXACT,
    getPixelData: () => pixels,
    rows: told.rows,
    columns: told.columns,
    height: told.rows,
    width: told.columns,
    color: false,
    rgba: false,
    numberOfComponents: 1,
    rowPixelSpacing: rowSpacing,
    columnPixelSpacing: columnSpacing,
    invert: false,
    sizeInBytes: pixels.byteLength,
    dataType: pixels.constructor.name,
    imageFrame: {},
  };
}

// The plane of each slice is its own: rows and columns as they are shown, since nothing here is cut anew.
function described(type, imageId) {
  if (typeof imageId !== "string" || !imageId.startsWith(`${SCHEME}:`)) return undefined;
  const [address, place] = parts(imageId);
  const told = stacks.get(address);
  const [rowSpacing, columnSpacing] = told.spacing_mm ?? [null, null];
  return {
    imagePixelModule: {
      bitsAllocated: 16,
      bitsStored: 16,
      highBit: 15,
      samplesPerPixel: 1,
      pixelRepresentation: told.type === "int16" ? 1 : 0,
      photometricInterpretation: "MONOCHROME2",
      rows: told.rows,
      columns: told.columns,
    },
    generalSeriesModule: { modality: told.modality, seriesInstanceUID: address },
    imagePlaneModule: {
      frameOfReferenceUID: address,
      rows: told.rows,
      columns: told.columns,
      imageOrientationPatient: [1, 0, 0, 0, 1, 0],
      rowCosines: [1, 0, 0],
      columnCosines: [0, 1, 0],
      imagePositionPatient: [0, 0, Number(place)],
      rowPixelSpacing: rowSpacing,
      columnPixelSpacing: columnSpacing,
      sliceThickness: 1,
    },
    modalityLutModule: { rescaleSlope: told.slope, rescaleIntercept: told.intercept },
    voiLutModule: { windowCenter: [told.window.centre], windowWidth: [told.window.width] },
  }[type];
}

export function registerSlices() {
  imageLoader.registerImageLoader(SCHEME, (imageId) => ({ promise: load(imageId) }));
  metaData.addProvider(described, 10_000); // before the library's own, which read DICOM files
}
