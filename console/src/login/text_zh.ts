/** Chinese texts of the page `/login`. The keys are the contract: `text_en.ts` must have the same ones. */
export const zh = {
  "login.title": "登录",
  "login.name": "账号",
  "login.password": "密码",
  "login.show": "显示密码",
  "login.do": "登录",
  "login.busy": "正在登录…",
  "login.or": "或",
  "login.openid": "使用 {provider} 登录",
  "login.wrong": "账号或密码不正确。",
  "login.wait": "失败次数过多，请在 {time} 后重试。",
  "login.ready": "现在可以重试。",
  "login.link": "此链接已被使用或已过期，请使用密码登录，或索取新的链接。",
  "login.oidc": "统一身份认证未能完成登录，请重试或联系管理员。",
  "login.offline": "连不上服务器，请检查网络后重试。",
  "login.failed": "服务器出错，请稍后重试。",
  "login.forgotten": "忘记密码？请联系管理员重设。",
};

export type Key = keyof typeof zh;
