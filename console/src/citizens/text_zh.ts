/** Chinese texts of the page `/citizens`. The keys are the contract: `text_en.ts` must have the same ones. */
export const zh = {
  "citizens.title": "便民地图",
  "citizens.what": "查找厕所、停车场等便民设施。",
};

export type Key = keyof typeof zh;
