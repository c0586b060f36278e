/** The page `/silences`: what is held back now and planned, what was, and a form for a new one: `/silences[/ended|/new]`. */
import { useEffect, useState } from "preact/hooks";
import { type Me, maySilence, whoAmI } from "../api/account";
import { Failed, Frame, Nothing } from "../page/frame";
import { useList } from "../page/more";
import { usePlaces } from "../page/places";
import { followHistory, go, route } from "../page/route";
import { startPage } from "../page/start";
import { useLoaded } from "../ui/use_loaded";
import { Card } from "./card";
import { NewSilence } from "./form";
import type { Rule, Silence } from "./types";
import { t } from "./words";

const NEW = "new";
const ENDED = "ended";

/** Times are the city's own, wherever they are read. */
function useZone(): string {
  const summary = useLoaded<{ timezone: string }>("/summary").data;
  return summary?.timezone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
}

function Silences() {
  const [me, setMe] = useState<Me | null>(null);
  useEffect(() => {
    // the client leads to the sign-in page when nobody is signed in; the list says what else went wrong
    whoAmI().then(setMe, () => undefined);
  }, []);
  const zone = useZone();
  const places = usePlaces();
  const rules = useLoaded<{ rules: Rule[] }>("/rules").data?.rules ?? [];
  const { tab } = route.value;
  return (
    <Frame title={t("silences.title")}>
      <div class="column">
        {tab === NEW ? (
          me && <NewSilence me={me} rules={rules} places={places} zone={zone} />
        ) : (
          <>
            <p class="muted">{t("silences.what")}</p>
            <Choice ended={tab === ENDED} may={maySilence(me)} />
            <List ended={tab === ENDED} rules={rules} places={places} zone={zone} may={maySilence(me)} />
          </>
        )}
      </div>
    </Frame>
  );
}

function Choice({ ended, may }: { ended: boolean; may: boolean }) {
  return (
    <div class="form-buttons">
      <fieldset class="segments" aria-label={t("silences.list")}>
        <button type="button" aria-pressed={!ended} onClick={() => go("")}>
          {t("silences.inForce")}
        </button>
        <button type="button" aria-pressed={ended} onClick={() => go(ENDED)}>
          {t("silences.ended")}
        </button>
      </fieldset>
      {may && (
        <button type="button" class="button primary" onClick={() => go(NEW)}>
          {t("silences.new")}
        </button>
      )}
    </div>
  );
}

interface ListProps {
  ended: boolean;
  rules: readonly Rule[];
  places: ReturnType<typeof usePlaces>;
  zone: string;
  may: boolean;
}

function List({ ended, ...given }: ListProps) {
  const { items, error, more, reload } = useList<Silence>("/silences", { state: ended ? "expired" : "in_force" });
  const title = t(ended ? "silences.noneEnded" : "silences.none");
  const hint = t(ended ? "silences.noneEndedHint" : "silences.noneHint");
  return (
    <>
      {error && <Failed error={error} retry={reload} />}
      {items?.length === 0 && <Nothing title={title} hint={hint} />}
      {items?.map((silence) => (
        <Card key={silence.silence_id} silence={silence} changed={reload} {...given} />
      ))}
      {more && (
        <button type="button" class="button" onClick={more}>
          {t("page.more")}
        </button>
      )}
    </>
  );
}

followHistory();
startPage(() => t("silences.title"), Silences);
