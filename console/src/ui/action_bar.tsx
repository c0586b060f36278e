/** What whoever is signed in may do next with an incident, as the only buttons; each asks for what the record needs. */
import { useState } from "preact/hooks";
import type { Incident } from "../api/types";
import { grouped, type Offer, type Offered } from "../state/actions";
import { isOpen } from "../state/incidents";
import { t, word } from "../state/store";
import { ActionForm } from "./action_form";
import { useLoaded } from "./use_loaded";

export function ActionBar({ incident, news, done }: { incident: Incident; news: unknown; done: () => void }) {
  if (!isOpen(incident)) return <p class="actions-none muted">{t("action.none")}</p>;
  return (
    <div class="actions">
      <Offers incident={incident} news={news} done={done} />
    </div>
  );
}

function Offers({ incident, news, done }: { incident: Incident; news: unknown; done: () => void }) {
  const [chosen, choose] = useState<string | null>(null);
  const refresh = `${incident.stage} ${String(news)}`;
  const offer = useLoaded<Offer>(`/incidents/${incident.incident_id}/actions`, {}, refresh);
  const actions = offer.data?.actions ?? [];
  const open = actions.find((one) => one.action === chosen);
  if (open) {
    return (
      <ActionForm
        key={open.action}
        offered={open}
        incident={incident}
        cancel={() => choose(null)}
        done={() => {
          choose(null);
          offer.reload();
          done();
        }}
      />
    );
  }
  const { first, more } = grouped(actions);
  const waits = offer.data ? t("action.nothing") : "";
  return (
    <>
      {!first.length && <p class="muted action-hint">{offer.error ? t("error.server") : waits}</p>}
      <div class="action-buttons">
        {first.map((one, index) => (
          <Choice key={one.action} offered={one} primary={index === 0} choose={choose} />
        ))}
      </div>
      {more.length > 0 && (
        <details class="action-more">
          <summary class="muted">{t("action.more")}</summary>
          <div class="action-buttons">
            {more.map((one) => (
              <Choice key={one.action} offered={one} primary={false} choose={choose} />
            ))}
          </div>
        </details>
      )}
    </>
  );
}

interface ChoiceProps {
  offered: Offered;
  primary: boolean;
  choose: (action: string) => void;
}

function Choice({ offered, primary, choose }: ChoiceProps) {
  return (
    <button
      type="button"
      class={primary ? "button primary" : "button"}
      title={word("role", offered.role)}
      onClick={() => choose(offered.action)}
    >
      {word("action", offered.action)}
    </button>
  );
}
