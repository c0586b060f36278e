/** Fields that adding and changing an account share. */
import { named } from "../page/state";
import { useLoaded } from "../ui/use_loaded";
import { t } from "./words";

interface Department {
  department_id: number;
  name_zh: string;
  name_en: string;
}

export function DepartmentField({ value }: { value: number | null }) {
  const departments = useLoaded<{ items: Department[] }>("/departments").data?.items;
  return (
    <>
      <label class="form-row">
        <span>{t("people.department")}</span>
        <select class="field" name="department_id" key={departments ? "loaded" : "waiting"}>
          <option value="">{t("people.noDepartment")}</option>
          {departments?.map((one) => (
            <option key={one.department_id} value={one.department_id} selected={one.department_id === value}>
              {named(one.name_zh, one.name_en)}
            </option>
          ))}
        </select>
      </label>
      <p class="muted">{t("people.departmentHint")}</p>
    </>
  );
}

export function LanguageField({ value }: { value: "zh" | "en" }) {
  return (
    <label class="form-row">
      <span>{t("people.language")}</span>
      <select class="field" name="language">
        <option value="zh" lang="zh-CN" selected={value === "zh"}>
          中文
        </option>
        <option value="en" lang="en" selected={value === "en"}>
          English
        </option>
      </select>
    </label>
  );
}
