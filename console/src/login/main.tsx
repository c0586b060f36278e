/** The page `/login`: sign in by password, by a link that works once, or at the OpenID provider; then back. */
import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { openIdAddress, signIn, waysIn } from "../api/account";
import { ApiError } from "../api/client";
import { localPage } from "../api/sign_in";
import { Frame } from "../page/frame";
import { startPage } from "../page/start";
import { words } from "../page/words";
import "./login.css";
import { remaining, useCountdown } from "./countdown";
import { en } from "./text_en";
import { type Key, zh } from "./text_zh";

const { t } = words({ zh, en });
const asked = new URLSearchParams(location.search);
const next = localPage(asked.get("next"));
const token = asked.get("token");

function Page() {
  const [problem, setProblem] = useState<Key | null>(asked.get("problem") === "oidc" ? "login.oidc" : null);
  const [busy, setBusy] = useState(token !== null);
  const [openid, setOpenid] = useState<string | null>(null);
  const [waitS, waitFor] = useCountdown();
  const password = useRef<HTMLInputElement>(null);

  const attempt = async (given: Parameters<typeof signIn>[0]) => {
    setBusy(true);
    setProblem(null);
    try {
      await signIn(given);
      location.replace(next);
      return;
    } catch (error) {
      const why = error instanceof ApiError ? error.why : { status: 0 };
      if (why.status === 429) waitFor(why.retryAfterS ?? 1);
      setProblem(problemOf(why.status, "token" in given));
      password.current?.select();
    }
    setBusy(false);
  };

  useEffect(() => {
    if (token) {
      // it works once: neither the address bar nor the history keeps it
      history.replaceState(null, "", location.pathname);
      void attempt({ token });
    }
    waysIn().then(
      (ways) => {
        setOpenid(ways.openid);
        if (ways.signed_in && !token) location.replace(next);
      },
      () => undefined,
    );
  }, []);

  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget as HTMLFormElement);
    void attempt({ name: String(given.get("name")), password: String(given.get("password")) });
  };

  return (
    <Frame title="CityGrid">
      <section class="column login">
        <form onSubmit={submit} aria-labelledby="login-title">
          <h2 id="login-title">{t("login.title")}</h2>
          <label>
            <span>{t("login.name")}</span>
            <input
              class="field"
              name="name"
              autocomplete="username"
              autocapitalize="none"
              spellcheck={false}
              required
            />
          </label>
          <PasswordField input={password} />
          <p class="login-problem" role="alert" data-testid="problem">
            {waitS > 0 ? t("login.wait", { time: remaining(waitS) }) : problem && t(problem)}
          </p>
          <button type="submit" class="button primary" disabled={busy || waitS > 0}>
            {t(busy ? "login.busy" : "login.do")}
          </button>
          {openid && (
            <>
              <p class="muted login-or">{t("login.or")}</p>
              <a class="button" href={openIdAddress(next)}>
                {t("login.openid", { provider: openid })}
              </a>
            </>
          )}
          <p class="muted">{t("login.forgotten")}</p>
        </form>
      </section>
    </Frame>
  );
}

function PasswordField({ input }: { input: RefObject<HTMLInputElement | null> }) {
  const [shown, setShown] = useState(false);
  return (
    <>
      <label>
        <span>{t("login.password")}</span>
        <input
          ref={input}
          class="field"
          name="password"
          type={(shown ? "text" : "password") as "password"}
          autocomplete="current-password"
          maxLength={256}
          required
        />
      </label>
      <label class="login-show">
        <input type="checkbox" checked={shown} onChange={(event) => setShown(event.currentTarget.checked)} />
        <span>{t("login.show")}</span>
      </label>
    </>
  );
}

function problemOf(status: number, byLink: boolean): Key {
  if (status === 0) return "login.offline";
  if (status === 429) return "login.ready";
  if (status === 401) return byLink ? "login.link" : "login.wrong";
  return status < 500 ? "login.wrong" : "login.failed";
}

startPage(() => `${t("login.title")} · CityGrid`, Page);
