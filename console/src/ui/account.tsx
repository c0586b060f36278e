/** The account menu in the strip: who I am, my roles and where, my language, my password, sign out. */
import { useEffect, useRef, useState } from "preact/hooks";
import { changePassword, type Me } from "../api/account";
import { me, rememberLanguage, signOut } from "../state/account";
import { switchLang } from "../state/control";
import { lang, named, t, word } from "../state/store";
import { Icon } from "./glyphs";

export function AccountMenu() {
  const [open, setOpen] = useState(false);
  const [changing, setChanging] = useState(false);
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!open) return;
    const elsewhere = (event: Event) => {
      if (event instanceof KeyboardEvent ? event.key === "Escape" : !place.current?.contains(event.target as Node))
        setOpen(false);
    };
    addEventListener("pointerdown", elsewhere);
    addEventListener("keydown", elsewhere);
    return () => {
      removeEventListener("pointerdown", elsewhere);
      removeEventListener("keydown", elsewhere);
    };
  }, [open]);
  const who = me.value;
  if (!who) return null;
  return (
    <div class="account" ref={place}>
      <button
        type="button"
        class="icon-button"
        aria-expanded={open}
        aria-label={t("account.title", { name: who.display_name })}
        title={who.display_name}
        onClick={() => setOpen(!open)}
      >
        <Icon name="person" />
      </button>
      {open && (
        <div class="account-menu" data-testid="account">
          <strong>{who.display_name}</strong>
          <p class="muted">{who.name}</p>
          <Grants who={who} />
          <button
            type="button"
            class="text-button"
            lang={lang.value === "zh" ? "en" : "zh-CN"}
            onClick={() => {
              switchLang();
              rememberLanguage();
            }}
          >
            {t("lang.switch")}
          </button>
          {who.has_password && (
            <button
              type="button"
              class="text-button"
              onClick={() => {
                setOpen(false);
                setChanging(true);
              }}
            >
              {t("account.password")}
            </button>
          )}
          <button type="button" class="text-button" onClick={() => void signOut()}>
            {t("account.signOut")}
          </button>
        </div>
      )}
      {changing && <PasswordDialog name={who.name} close={() => setChanging(false)} />}
    </div>
  );
}

function Grants({ who }: { who: Me }) {
  if (who.grants.length === 0) return <p>{t("account.nothing")}</p>;
  return (
    <ul>
      {who.grants.map((held) => (
        <li key={held.grant}>
          {word("grant", held.role)}{" "}
          <span class="muted">{named(held.place_zh, held.place_en) || t("account.city")}</span>
        </li>
      ))}
    </ul>
  );
}

function PasswordDialog({ name, close }: { name: string; close: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [said, setSaid] = useState("");
  const [done, setDone] = useState(false);
  useEffect(() => dialog.current?.showModal(), []);
  const send = async (event: SubmitEvent) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget as HTMLFormElement);
    const [old, fresh, again] = ["old", "new", "again"].map((field) => String(given.get(field)));
    if (fresh !== again) return setSaid(t("account.notSame"));
    try {
      await changePassword(old ?? "", fresh ?? "");
      setSaid("");
      setDone(true);
    } catch (error) {
      setSaid((error as Error).message);
    }
  };
  return (
    <dialog ref={dialog} class="help" aria-label={t("account.password")} onClose={close}>
      <h2>{t("account.password")}</h2>
      {done ? (
        <p role="status">{t("account.changed")}</p>
      ) : (
        <form class="action-form" id="password-form" onSubmit={send}>
          <input type="text" name="name" autocomplete="username" value={name} hidden readOnly />
          <Secret name="old" label={t("account.old")} autocomplete="current-password" />
          <Secret name="new" label={t("account.new")} autocomplete="new-password" />
          <Secret name="again" label={t("account.again")} autocomplete="new-password" />
          <p class="muted">{t("account.rule")}</p>
          <p class="account-problem" role="alert">
            {said}
          </p>
        </form>
      )}
      <div class="account-buttons">
        {!done && (
          <button type="submit" form="password-form" class="button primary">
            {t("account.password")}
          </button>
        )}
        <button type="button" class="button" onClick={close}>
          {t(done ? "account.close" : "account.cancel")}
        </button>
      </div>
    </dialog>
  );
}

function Secret({
  name,
  label,
  autocomplete,
}: {
  name: string;
  label: string;
  autocomplete: "current-password" | "new-password";
}) {
  return (
    <label>
      <span>{label}</span>
      <input class="field" type="password" name={name} autocomplete={autocomplete} maxLength={256} required />
    </label>
  );
}
