/** Chinese texts of the page `/login`. The keys are the contract: `text_en.ts` must have the same ones. */
export const zh = {
  "login.title": "登录",
  "login.what": "使用您的账号登录。",
};

export type Key = keyof typeof zh;
