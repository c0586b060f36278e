/** Step 1: which device. Scan its label, read it from a photo, or type it. */
import { useState } from "preact/hooks";
import { reader } from "./decode";
import { label, step } from "./draft";
import { labelOf } from "./label";
import { Scanner } from "./scanner";
import { t } from "./words";

export function LabelStep() {
  const [scanning, setScanning] = useState(false);
  const [trouble, setTrouble] = useState("");
  const take = (text: string) => {
    setScanning(false);
    const read = labelOf(text);
    if (!read) return setTrouble(t("label.other", { text: text.slice(0, 60) }));
    setTrouble("");
    label.value = read;
    step.value = "place";
  };
  const onSubmit = (event: Event) => {
    event.preventDefault();
    const typed = labelOf(label.value);
    if (!typed) return setTrouble(t("label.bad"));
    take(typed);
  };
  const onPhoto = async (event: Event) => {
    const input = event.currentTarget as HTMLInputElement;
    const file = input.files?.[0];
    input.value = "";
    if (!file) return;
    const text = await readPhoto(file);
    if (text) take(text);
    else setTrouble(t("label.none"));
  };
  if (scanning) return <Scanner found={take} close={() => setScanning(false)} />;
  return (
    <form class="step" onSubmit={onSubmit} noValidate>
      <label class="ask" for="label">
        {t("label.ask")}
      </label>
      <p class="muted" id="label-hint">
        {t("label.hint")}
      </p>
      <input
        id="label"
        class="field large"
        value={label.value}
        onInput={(event) => {
          label.value = event.currentTarget.value.trim();
          setTrouble("");
        }}
        placeholder={t("label.example")}
        aria-describedby="label-hint"
        autocomplete="off"
        autocapitalize="characters"
        spellcheck={false}
        enterkeyhint="next"
      />
      {trouble && (
        <p class="trouble" role="alert">
          {trouble}
        </p>
      )}
      <div class="pair">
        <button type="button" class="button" onClick={() => setScanning(true)}>
          {t("label.scan")}
        </button>
        <label class="button">
          {t("label.photo")}
          <input type="file" accept="image/*" capture="environment" class="sr-only" onChange={onPhoto} />
        </label>
      </div>
      <button type="submit" class="button primary wide" disabled={!label.value}>
        {t("step.next")}
      </button>
    </form>
  );
}

async function readPhoto(file: File): Promise<string | null> {
  try {
    const picture = await createImageBitmap(file);
    return await (await reader()).read(picture);
  } catch {
    return null;
  }
}
