/** English texts of the tab "devices in bulk". */
import type { Key } from "./devices_text_zh";

export const en: Record<Key, string> = {
  "bulk.title": "Register devices from a file",
  "bulk.hint":
    "CSV (UTF-8 or GB 18030) or Excel, at most 4 MB and 50,000 rows. Needed columns: label and profile, and component_code for what stands on a component. Headings may be English or Chinese.",
  "bulk.columns": "All columns",
  "bulk.file": "Choose a file",
  "bulk.state": "Register as",
  "bulk.in_service": "in service",
  "bulk.registered": "to be installed (in the street, later)",
  "bulk.check": "Only check",
  "bulk.load": "Register",
  "bulk.working": "Working on {name}…",
  "bulk.checked": "Checked: {registered} rows can be registered, {refused} have a problem (of {read}).",
  "bulk.loaded": "{registered} devices registered, {refused} rows refused (of {read}).",
  "bulk.line": "Line",
  "bulk.column": "Column",
  "bulk.reason": "Problem",
  "bulk.more": "The first {count} are shown; the download has all refused rows.",
  "bulk.mend": "Download the refused rows",
  "bulk.large": "The file is larger than 4 MB; split it.",
  "labels.title": "Print labels",
  "labels.hint":
    "Sticky labels on A4; a phone that scans the code opens the page in the street. Choose by type and district, at most 5,000 at a time.",
  "labels.type": "Device type",
  "labels.all": "all",
  "labels.district": "District (6 digits)",
  "labels.layout": "Sheet",
  "labels.get": "Download PDF",
};
