/** Reads codes out of pictures: the browser's own detector where it has one, else a decoder for QR codes. */

interface Detected {
  rawValue: string;
}
interface Detector {
  detect: (source: CanvasImageSource | Blob) => Promise<Detected[]>;
}
interface DetectorClass {
  new (options: { formats: string[] }): Detector;
  getSupportedFormats: () => Promise<string[]>;
}

const FORMATS = ["qr_code", "data_matrix", "code_128", "code_39", "ean_13"];
/** enough for a code that fills a quarter of the picture, and quick on an old phone */
const LARGEST_PX = 1024;

export interface Reader {
  /** false: only QR codes */
  barcodes: boolean;
  read: (source: HTMLVideoElement | ImageBitmap) => Promise<string | null>;
}

export async function reader(): Promise<Reader> {
  return (await ofBrowser()) ?? (await ofLibrary());
}

async function ofBrowser(): Promise<Reader | null> {
  const Found = (globalThis as { BarcodeDetector?: DetectorClass }).BarcodeDetector;
  if (!Found) return null;
  try {
    const supported = await Found.getSupportedFormats();
    const formats = FORMATS.filter((format) => supported.includes(format));
    if (!formats.includes("qr_code")) return null;
    const detector = new Found({ formats });
    const read: Reader["read"] = async (source) => (await detector.detect(source))[0]?.rawValue ?? null;
    return { barcodes: formats.includes("code_128"), read };
  } catch {
    return null;
  }
}

async function ofLibrary(): Promise<Reader> {
  const { decodeQR } = await import("qr/decode.js");
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  return {
    barcodes: false,
    read: async (source) => {
      const width = source instanceof HTMLVideoElement ? source.videoWidth : source.width;
      const height = source instanceof HTMLVideoElement ? source.videoHeight : source.height;
      if (!context || !width || !height) return null;
      const scale = Math.min(1, LARGEST_PX / Math.max(width, height));
      canvas.width = Math.round(width * scale);
      canvas.height = Math.round(height * scale);
      context.drawImage(source, 0, 0, canvas.width, canvas.height);
      const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
      try {
        return decodeQR({ width: canvas.width, height: canvas.height, data }, { timeLimit: 120 });
      } catch {
        return null;
      }
    },
  };
}
