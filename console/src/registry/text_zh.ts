/** Chinese texts of the registry page itself; a tab keeps its own beside it. */
export const zh = {
  "registry.title": "登记管理",
  "registry.tabs": "登记内容",
};

export type Key = keyof typeof zh;
