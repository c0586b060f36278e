// The peer of the ingest benchmark: mqtt.js into PostgreSQL's COPY, one row a message, 5,000 rows or 20 ms a batch.
//
// Written as its field's good practice has it, and with less to do than ours: no validation, no grids, no state, no
// rules; it acknowledges a message when it takes it, not when it is stored. Prints "ready", then a line "stored <n>"
// for each committed batch.
//
// PGHOST=... PGPORT=... PGUSER=... PGPASSWORD=... PGDATABASE=... node peer.mjs MQTT_URL
import mqtt from "mqtt";
import pg from "pg";
import { from as copyFrom } from "pg-copy-streams";

const [brokerUrl] = process.argv.slice(2);
const BATCH = 5000;
const WAIT_MS = 20;

const database = new pg.Client();
await database.connect();
await database.query(`CREATE TABLE peer_reading (
  ts timestamptz NOT NULL, device text NOT NULL, seq bigint NOT NULL, received_at timestamptz NOT NULL,
  "values" double precision[] NOT NULL
)`);
await database.query("SELECT create_hypertable('peer_reading', by_range('ts', INTERVAL '1 day'), create_default_indexes => false)");
await database.query("CREATE INDEX ON peer_reading (device, ts)");

let waiting = [];
let stored = 0;
let busy = false;
let timer = null;

const number = (value) => (value === undefined || value === null ? "NULL" : value);

function line({ topic, payload }, receivedAt) {
  const body = JSON.parse(payload);
  const v = body.values;
  const values = [v.tilt_deg, v.water_m, v.ch4_pct_lel, v.battery_pct].map(number).join(",");
  return `${new Date(body.ts).toISOString()}\t${topic.split("/")[4]}\t${body.seq}\t${receivedAt}\t{${values}}\n`;
}

async function flush() {
  timer = null;
  if (busy || waiting.length === 0) return;
  busy = true;
  const batch = waiting.splice(0, BATCH);
  const receivedAt = new Date().toISOString();
  const text = batch.map((message) => line(message, receivedAt)).join("");
  await new Promise((resolve, reject) => {
    const copy = database.query(copyFrom(`COPY peer_reading (ts, device, seq, received_at, "values") FROM STDIN`));
    copy.on("finish", resolve);
    copy.on("error", reject);
    copy.end(text);
  });
  stored += batch.length;
  console.log(`stored ${stored}`);
  busy = false;
  if (waiting.length > 0) setImmediate(flush);
}

const broker = mqtt.connect(brokerUrl, {
  protocolVersion: 5,
  clientId: "bench-peer",
  clean: true,
  properties: { receiveMaximum: 65535 },
});
broker.on("message", (topic, payload) => {
  waiting.push({ topic, payload });
  if (waiting.length >= BATCH) flush();
  else timer ??= setTimeout(flush, WAIT_MS);
});
broker.on("connect", () => broker.subscribe("citygrid/v1/#", { qos: 1 }, () => console.log("ready")));
