// Shows one image or volume: what a reader does with the mouse, a finger or the keyboard, and nothing else.
import {
  addTool, annotation, Enums, init, initTools, LengthTool, PanTool, RenderingEngine, Settings, StackScrollTool,
  ToolEnums, ToolGroupManager, WindowLevelTool, ZoomTool,
} from "../vendor/cornerstone/cornerstone.js";
import { imageIds, openStack, registerSlices } from "./slices.js";

const ENGINE = "radiolens";
const GROUP = "reading";
const WIDTH_PER_PX = 1 / 200; // dragging 200 pixels makes the window e times as wide
const CENTRE_PER_PX = 1 / 400; // and moves its centre by half its width

// As fine for a brain window of 80 units as for a bone window of 2000, where the library's tool moves by a fixed step.
class WindowTool extends WindowLevelTool {
  static toolName = "Window";

  getNewRange({ deltaPointsCanvas: [right, down], lower, upper }) {
    const [centre, width] = [(lower + upper) / 2, upper - lower];
    const half = (width * Math.exp(right * WIDTH_PER_PX)) / 2;
    const moved = centre + down * CENTRE_PER_PX * width;
    return { lower: moved - half, upper: moved + half };
  }
}

const TOOLS = { window: WindowTool, move: PanTool, zoom: ZoomTool, length: LengthTool };
const { Primary, Secondary, Auxiliary, Wheel } = ToolEnums.MouseBindings;
const ZOOM_STEP = 1.25;
const MOVE_PX = 40;
const QUARTER = 90;

let engine;

// The same grey levels on every machine: the slices are drawn by the processor, whatever graphics card there is.
function start() {
  if (engine) return;
  init({ rendering: { useCPURendering: true } });
  initTools();
  Settings.getRuntimeSettings().set("useCursors", false); // they are pictures of their own; the style sheet has its own
  registerSlices();
  Object.values(TOOLS).forEach(addTool);
  addTool(StackScrollTool);
  engine = new RenderingEngine(ENGINE);
}

export class Viewer extends EventTarget {
  /** Shows in `element`; tells of changes by the events `slice`, `window` and `drawn`. */
  constructor(element) {
    super();
    start();
    this.element = element;
    engine.enableElement({ viewportId: element.id, element, type: Enums.ViewportType.STACK, defaultOptions: { background: [0, 0, 0] } });
    this.viewport = engine.getViewport(element.id);
    this.range = { lower: 0, upper: 1 };
    this.tools = ToolGroupManager.createToolGroup(GROUP);
    [...Object.values(TOOLS), StackScrollTool].forEach((tool) => this.tools.addTool(tool.toolName));
    this.tools.addViewport(element.id, ENGINE);
    element.addEventListener(Enums.Events.IMAGE_RENDERED, () => this.dispatchEvent(new Event("drawn")));
    element.addEventListener(Enums.Events.STACK_NEW_IMAGE, () => {
      this.window = this.window; // drawn by processor, a slice keeps the window of the one before, but tells its own
      this.dispatchEvent(new Event("slice"));
    });
    element.addEventListener(Enums.Events.VOI_MODIFIED, ({ detail: { range } }) => {
      this.range = range;
      this.dispatchEvent(new Event("window"));
    });
    new ResizeObserver(() => this.resized()).observe(element);
  }

  async open(address, first) {
    this.stack = await openStack(address);
    this.window = this.stack.window;
    const place = this.stack.indices.indexOf(first);
    await this.viewport.setStack(imageIds(address), place < 0 ? Math.floor(this.stack.indices.length / 2) : place);
    this.fit();
    this.use("window");
    return this.stack;
  }

  resized() {
    if (this.stack) engine.resize(true, true);
  }

  /** The left button, or one finger, does this; the others do what they always do. */
  use(name) {
    this.tool = name;
    Object.values(TOOLS).forEach((tool) => this.tools.setToolPassive(tool.toolName, { removeAllBindings: true }));
    const bindings = { [TOOLS[name].toolName]: [{ mouseButton: Primary }, { numTouchPoints: 1 }] };
    const add = (tool, binding) => { (bindings[tool.toolName] ??= []).push(binding); };
    add(PanTool, { mouseButton: Auxiliary });
    add(ZoomTool, { mouseButton: Secondary });
    add(ZoomTool, { numTouchPoints: 2 });
    add(this.slices > 1 ? StackScrollTool : ZoomTool, { mouseButton: Wheel });
    for (const [tool, wanted] of Object.entries(bindings)) this.tools.setToolActive(tool, { bindings: wanted });
  }

  get slices() { return this.stack.indices.length; }
  get place() { return this.viewport.getCurrentImageIdIndex(); }
  get index() { return this.stack.indices[this.place]; }
  get rotation() { return this.viewport.getViewPresentation().rotation ?? 0; }
  get inverted() { return Boolean(this.viewport.getProperties().invert); }

  async go(place) {
    const wanted = Math.max(0, Math.min(place, this.slices - 1));
    if (wanted !== this.place) await this.viewport.setImageIdIndex(wanted);
  }

  get window() {
    const { lower, upper } = this.range;
    return { centre: (lower + upper) / 2, width: upper - lower };
  }

  set window({ centre, width }) {
    this.range = { lower: centre - width / 2, upper: centre + width / 2 };
    this.viewport.setProperties({ voiRange: this.range });
    this.viewport.render();
  }

  invert() {
    this.viewport.setProperties({ invert: !this.inverted });
    this.viewport.render();
  }

  turn(quarters) {
    this.viewport.setRotation((this.rotation + quarters * QUARTER + 360) % 360);
    this.viewport.render();
  }

  zoom(steps) {
    this.viewport.setZoom(this.viewport.getZoom() * ZOOM_STEP ** steps);
    this.viewport.render();
  }

  move(right, down) {
    const { focalPoint, position } = this.viewport.getCamera();
    const [from, to] = [this.viewport.canvasToWorld([right * MOVE_PX, down * MOVE_PX]), this.viewport.canvasToWorld([0, 0])];
    const moved = (point) => point.map((value, axis) => value + to[axis] - from[axis]);
    this.viewport.setCamera({ focalPoint: moved(focalPoint), position: moved(position) });
    this.viewport.render();
  }

  fit() {
    this.viewport.resetCamera();
    this.viewport.setRotation(0);
    this.viewport.setProperties({ invert: false });
    this.window = this.stack.window;
  }

  forgetLengths() {
    annotation.state.removeAllAnnotations();
    this.viewport.render();
  }

  /** Return where a place of the slice, in pixels from its upper left corner, lies on the element. */
  toScreen(column, row) {
    const [rowSpacing, columnSpacing] = this.stack.spacing_mm ?? [1, 1];
    return this.viewport.worldToCanvas([column * columnSpacing, row * rowSpacing, this.place]);
  }
}
