/** What the keys do. */
import { useEffect, useRef } from "preact/hooks";
import { helpOpen, t } from "../state/store";

export function Help() {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (helpOpen.value) dialog.current?.showModal();
    else dialog.current?.close();
  }, [helpOpen.value]);
  const keys: [string, string][] = [
    ["j / k", t("help.next")],
    ["Enter", t("help.open")],
    ["Esc", t("help.close")],
    ["/", t("help.search")],
    ["e", t("kpi.title")],
    ["l", t("help.lang")],
    ["d", t("help.theme")],
    ["?", t("help.help")],
  ];
  return (
    <dialog
      ref={dialog}
      class="help"
      aria-label={t("help.title")}
      onClose={() => {
        helpOpen.value = false;
      }}
    >
      <h2>{t("help.title")}</h2>
      <dl>
        {keys.map(([key, what]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <h2>{t("help.terms")}</h2>
      <p>{t("help.flow")}</p>
      <form method="dialog">
        <button type="submit" class="button">
          Esc
        </button>
      </form>
    </dialog>
  );
}
