/** The account menu in the strip: who I am, my roles and where, my language, my password, sign out. */
import { useEffect, useRef, useState } from "preact/hooks";
import { administersCity, type Me } from "../api/account";
import { me, rememberLanguage, signOut } from "../state/account";
import { switchLang } from "../state/control";
import { lang, named, t, word } from "../state/store";
import { Icon } from "./glyphs";
import { PasswordForm } from "./password_form";

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
          <a class="text-button" href={`/people/me${speaks()}`}>
            {t("account.own")}
          </a>
          {administersCity(who) && (
            <a class="text-button" href={`/people/accounts${speaks()}`}>
              {t("account.people")}
            </a>
          )}
          <a class="text-button" href={`/silences${speaks()}`}>
            {t("account.silences")}
          </a>
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

/** Other pages begin in the language that is read here. */
const speaks = () => `?lang=${lang.value}`;

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
  const [done, setDone] = useState(false);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} class="help" aria-label={t("account.password")} onClose={close}>
      <h2>{t("account.password")}</h2>
      {done ? (
        <p role="status">{t("account.changed")}</p>
      ) : (
        <PasswordForm id="password-form" name={name} t={t} done={() => setDone(true)} />
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
