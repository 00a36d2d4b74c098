// What the viewer uses of Cornerstone3D; build.mjs makes cornerstone/cornerstone.js of it.
export {
  Enums,
  imageLoader,
  init,
  metaData,
  RenderingEngine,
  Settings,
} from "@cornerstonejs/core";
export {
  addTool,
  annotation,
  Enums as ToolEnums,
  init as initTools,
  LengthTool,
  PanTool,
  StackScrollTool,
  ToolGroupManager,
  WindowLevelTool,
  ZoomTool,
} from "@cornerstonejs/tools";
