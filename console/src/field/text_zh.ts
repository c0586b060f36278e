/** Chinese texts of the page `/field`. The keys are the contract: `text_en.ts` must have the same ones. */
export const zh = {
  "field.title": "现场登记",
  "field.what": "在现场用手机登记设备。",
};

export type Key = keyof typeof zh;
