/** Chinese texts that all small pages share. */
export const zh = {
  "page.skip": "跳到正文",
  "page.console": "市政感知",
  "page.lang": "English",
  "page.light": "浅色",
  "page.dark": "深色",
  "page.soon": "此页尚未启用。",
  "error.offline": "连不上服务器",
  "error.offlineHint": "请检查网络后重试。",
  "error.timeout": "服务器没有及时回答",
  "error.timeoutHint": "请稍后重试。",
  "error.missing": "没有找到",
  "error.missingHint": "它可能已被移走，或者编号有误。",
  "error.conflict": "与现有数据冲突",
  "error.conflictHint": "",
  "error.refused": "请求被拒绝",
  "error.refusedHint": "",
  "error.server": "服务器出错",
  "error.serverHint": "错误已记录，请稍后重试。",
  "error.retry": "重试",
};

export type Key = keyof typeof zh;
