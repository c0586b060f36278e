/** Words of the tab of sensing density, and what it is told. */
import { words } from "../page/words";

export interface Covered {
  key: string;
  name_zh: string;
  name_en: string;
  components: number;
  sensed: number;
  share: number | null;
  devices: number;
  area_km2: number;
  per_km2: number | null;
}

export const { t } = words({
  zh: {
    "by.label": "统计口径",
    "by.class": "部件类",
    "by.district": "城区",
    "by.patrol": "巡查网格",
    "by.unit": "单元网格",
    "cover.density": "每平方公里在用设备",
    "cover.share": "已感知部件",
    "cover.devices": "在用设备",
    "cover.together": "合计",
    "cover.vehicles": "车辆等不在部件上",
    "cover.noTeam": "无巡查网格",
    "cover.class": "部件类",
    "cover.everyClass": "全部部件类",
    "cover.counting": "正在统计……",
    "map.label": "巡查网格感知地图",
    "map.shows": "地图显示",
    "map.hint": "点按一个网格查看数字；下表内容相同。",
    "map.none": "未感知",
    "map.empty": "没有部件，也没有设备",
    "map.said": "{name}：每平方公里 {density} 台在用设备；部件已感知 {share}（{sensed} / {components}）",
    "map.wheel": "按住 Ctrl（Mac 为 ⌘）并滚动以缩放",
    "map.fingers": "用两指移动地图",
    "cover.more": "还有 {count} 行未列出",
    "cover.nothing": "还没有部件和网格",
    "cover.nothingHint": "导入部件普查和单元网格后，这里显示感知密度。",
  },
  en: {
    "by.label": "Count by",
    "by.class": "Class",
    "by.district": "District",
    "by.patrol": "Patrol grid",
    "by.unit": "Unit grid",
    "cover.density": "Devices in service per km²",
    "cover.share": "Components sensed",
    "cover.devices": "In service",
    "cover.together": "Together",
    "cover.vehicles": "On no component (vehicles)",
    "cover.noTeam": "Of no patrol grid",
    "cover.class": "Class",
    "cover.everyClass": "All classes",
    "cover.counting": "Counting …",
    "map.label": "Map of sensing by patrol grid",
    "map.shows": "The map shows",
    "map.hint": "Press a grid for its numbers; the table below says the same.",
    "map.none": "Nothing sensed",
    "map.empty": "no components and no devices",
    "map.said":
      "{name}: {density} devices in service per km²; {share} of its components sensed ({sensed} / {components})",
    "map.wheel": "Hold Ctrl (⌘ on a Mac) and scroll to zoom",
    "map.fingers": "Move the map with two fingers",
    "cover.more": "{count} more rows are not shown",
    "cover.nothing": "There are no components and grids yet",
    "cover.nothingHint": "Sensing density appears once the survey and the unit grids are imported.",
  },
});
