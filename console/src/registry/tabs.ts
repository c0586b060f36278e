/** The tabs of `/registry`, in their order. A tab is one file with a default component, loaded when it is opened. */
import type { Tab } from "../page/tabs";

export const TABS: readonly Tab[] = [
  { id: "surveys", title: { zh: "普查", en: "Surveys" }, load: () => import("./surveys") },
  { id: "ownership", title: { zh: "确权", en: "Ownership" }, load: () => import("./ownership") },
  { id: "grids", title: { zh: "网格", en: "Grids" }, load: () => import("./grids") },
  { id: "devices", title: { zh: "设备", en: "Devices" }, load: () => import("./devices") },
  { id: "types", title: { zh: "设备类型", en: "Device types" }, load: () => import("./types") },
  { id: "unknown", title: { zh: "未登记设备", en: "Knocking devices" }, load: () => import("./unknown") },
  { id: "coverage", title: { zh: "感知密度", en: "Sensing density" }, load: () => import("./coverage") },
];
