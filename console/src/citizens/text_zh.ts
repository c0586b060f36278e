/** Chinese texts of the page `/citizens`. The keys are the contract: `text_en.ts` must have the same ones. */
export const zh = {
  "citizens.title": "便民地图",
  "citizens.kinds": "设施类别",
  "citizens.all": "全部",
  "citizens.places": "附近设施",
  "citizens.map": "地图：街道与便民设施",
  "citizens.here": "我的位置",
  "citizens.finding": "正在定位…",
  "citizens.fromHere": "按与您的距离排列",
  "citizens.fromMiddle": "按与地图中心的距离排列",
  "citizens.forget": "改用地图中心",
  "citizens.denied": "浏览器没有给出位置。移动地图，列表会随地图中心变化。",
  "citizens.found": "{count} 处，最近的在前",
  "citizens.nearest": "最近的 {count} 处",
  "citizens.none": "没有开放的设施",
  "citizens.noneHint": "城市尚未开放任何类别，或这些设施目前都不可用。",
  "citizens.loading": "正在查找…",
  "citizens.you": "您在这里",
} as const;

export type Key = keyof typeof zh;
