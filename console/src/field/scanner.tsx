/** The camera as a scanner: shows what it sees, and gives the first text it reads. */
import { useEffect, useRef, useState } from "preact/hooks";
import { reader } from "./decode";
import { type Key, t } from "./words";

const EVERY_MS = 150;

export function Scanner({ found, close }: { found: (text: string) => void; close: () => void }) {
  const video = useRef<HTMLVideoElement>(null);
  const [trouble, setTrouble] = useState<Key | null>(null);
  const [qrOnly, setQrOnly] = useState(false);
  useEffect(() => {
    let running = true;
    let stream: MediaStream | null = null;
    const scan = async () => {
      const eyes = await reader();
      setQrOnly(!eyes.barcodes);
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: { ideal: "environment" } } });
      const screen = video.current;
      if (!running || !screen) return stop(stream);
      screen.srcObject = stream;
      await screen.play();
      while (running) {
        const text = await eyes.read(screen);
        if (text && running) return found(text);
        await new Promise((done) => setTimeout(done, EVERY_MS));
      }
    };
    scan().catch((error: Error) => setTrouble(error.name === "NotAllowedError" ? "scan.refused" : "scan.absent"));
    return () => {
      running = false;
      stop(stream);
    };
  }, []);
  return (
    <div class="scanner">
      {trouble ? (
        <p role="alert">{t(trouble)}</p>
      ) : (
        <>
          <video ref={video} muted playsInline />
          <p>
            {t("scan.aim")} {qrOnly && t("scan.qrOnly")}
          </p>
        </>
      )}
      <button type="button" class="button" onClick={close}>
        {t("scan.stop")}
      </button>
    </div>
  );
}

function stop(stream: MediaStream | null): void {
  for (const track of stream?.getTracks() ?? []) track.stop();
}
