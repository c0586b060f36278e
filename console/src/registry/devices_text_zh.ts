/** Chinese texts of the tab "devices in bulk". */
export const zh = {
  "bulk.title": "批量登记设备",
  "bulk.hint":
    "CSV（UTF-8 或 GB 18030）或 Excel，最多 4 MB、50,000 行。必需的列：标签、设备类型；装在部件上的还要部件编码。列名用中文或英文均可。",
  "bulk.columns": "全部列名",
  "bulk.file": "选择文件",
  "bulk.state": "登记为",
  "bulk.in_service": "已在用",
  "bulk.registered": "待安装（之后在现场登记）",
  "bulk.check": "只检查",
  "bulk.load": "登记",
  "bulk.working": "正在处理 {name}……",
  "bulk.checked": "检查完毕：{registered} 行可以登记，{refused} 行有问题（共 {read} 行）。",
  "bulk.loaded": "已登记 {registered} 台设备，{refused} 行被退回（共 {read} 行）。",
  "bulk.line": "行",
  "bulk.column": "列",
  "bulk.reason": "问题",
  "bulk.more": "这里列出前 {count} 条；退回的行都在下载文件里。",
  "bulk.mend": "下载退回的行",
  "bulk.large": "文件超过 4 MB，请分成几份。",
  "labels.title": "打印标签",
  "labels.hint": "A4 不干胶纸；二维码用手机扫开就是现场登记页。按类型和区筛选，一次最多 5,000 个。",
  "labels.type": "设备类型",
  "labels.all": "全部",
  "labels.district": "区（6 位编码）",
  "labels.layout": "版式",
  "labels.get": "下载 PDF",
};

export type Key = keyof typeof zh;
