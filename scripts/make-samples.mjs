// Cuts the sample register in samples/ from a folder of full register files.
// Usage: node scripts/make-samples.mjs FOLDER
// FOLDER holds cqc-api-oldham/, cqc-ratings-2021/ and dspt-2022/. Building, running and testing
// Carepost never needs it: what this makes is kept beside the code. samples/README.md says what is
// real in it and what is not.
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const folder = process.argv[2];
if (!folder) throw new Error("say in which folder the full files are");
const out = new URL("../samples/", import.meta.url);
const text = (dir, end) => {
  const name = readdirSync(join(folder, dir)).find((file) => file.endsWith(end));
  return readFileSync(join(folder, dir, name), "utf8").replace(/^\uFEFF/, "");
};
const bodies = (name) => readFileSync(join(folder, "cqc-api-oldham", name), "utf8").trim().split("\n").map((line) => JSON.parse(line));

function csvRows(csv) {
  const rows = [[""]];
  let quoted = false;
  for (let at = 0; at < csv.length; at++) {
    const row = rows[rows.length - 1];
    const c = csv[at];
    if (quoted) {
      if (c === '"' && csv[at + 1] === '"') { row[row.length - 1] += '"'; at++; }
      else if (c === '"') quoted = false;
      else row[row.length - 1] += c;
    } else if (c === '"') quoted = true;
    else if (c === ",") row.push("");
    else if (c === "\n") rows.push([""]);
    else if (c !== "\r") row[row.length - 1] += c;
  }
  return rows.filter((row) => row.length > 1 || row[0] !== "");
}
const cell = (value) => (/[",\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value);
const csv = (rows) => rows.map((row) => row.map(cell).join(",")).join("\n") + "\n";
const allQuoted = (rows) => rows.map((row) => row.map((value) => `"${value.replaceAll('"', '""')}"`).join(",")).join("\r\n") + "\r\n";
const save = (name, content) => writeFileSync(new URL(name, out), content);

// CQC locations: every registered social care site with an ODS code, deregistered sites whose
// successors show what becomes of one, a hospice and a dentist.
const all = bodies("locations.ndjson");
const isCare = (body) => body.type === "Social Care Org" && body.odsCode;
const registered = all.filter((body) => isCare(body) && body.registrationStatus === "Registered");
const former = all.filter((body) => ["1-1221269650", "1-4815596978", "1-7648533300", "1-280584830", "1-113831768", "1-115962630"].includes(body.locationId));
const others = all.filter((body) => ["1-123327578", "1-10717910906"].includes(body.locationId));
const chosen = [...registered, ...former, ...others].sort((a, b) => (a.locationId < b.locationId ? -1 : 1));
const keptOfLocation = ["locationId", "providerId", "organisationType", "type", "name", "alsoKnownAs", "odsCode", "registrationStatus", "registrationDate", "deregistrationDate", "dormancy", "dormancyStartDate", "dormancyEndDate", "careHome", "numberOfBeds", "mainPhoneNumber", "localAuthority", "region", "postalAddressLine1", "postalAddressLine2", "postalAddressTownCity", "postalAddressCounty", "postalCode", "gacServiceTypes", "relationships"];
const cut = (body, fields) => Object.fromEntries(fields.filter((field) => field in body).map((field) => [field, body[field]]));
const ndjson = (rows) => rows.map((row) => JSON.stringify(row)).join("\n") + "\n";
save("cqc-locations.ndjson", ndjson(chosen.map((body) => cut(body, keptOfLocation))));

// CQC providers: those that are organisations; partners and individuals are people.
const providers = bodies("providers.ndjson").filter((body) => body.ownershipType === "Organisation");
const keptOfProvider = ["providerId", "organisationType", "ownershipType", "type", "name", "odsCode", "companiesHouseNumber", "charityNumber", "registrationStatus", "registrationDate", "deregistrationDate", "mainPhoneNumber", "postalAddressLine1", "postalAddressLine2", "postalAddressTownCity", "postalAddressCounty", "postalCode", "locationIds"];
save("cqc-providers.ndjson", ndjson(providers.map((body) => cut(body, keptOfProvider))));

// CQC ratings: the rows of the chosen locations, which name their providers.
const [ratingsHeader, ...ratings] = csvRows(text("cqc-ratings-2021", ".csv"));
const ids = new Set(chosen.map((body) => body.locationId));
const ratingsChosen = ratings.filter((row) => ids.has(row[0]));
save("cqc-ratings.csv", csv([ratingsHeader, ...ratingsChosen]));

// DSPT, moved four years on so that the sample is current: 21/22 becomes 25/26.
const yearsOn = 4;
const [dsptHeader, ...dspt] = csvRows(text("dspt-2022", ".csv"));
const providerName = new Map(ratings.map((row) => [row[22], row[23]]));
for (const body of providers) providerName.set(body.providerId, body.name);
const plain = (name) => name.toUpperCase().replace(/\([A-Z0-9]{4}\)$/, "").replace(/- HQ$/, "").replace(/\b(LIMITED|LTD)\b/g, "").replace(/[^A-Z0-9]/g, "");
const hqByName = new Map();
for (const row of dspt) {
  if (/^[AC][A-Z0-9]{3}$/.test(row[0])) {
    const key = plain(row[1]);
    hqByName.set(key, hqByName.has(key) ? null : row[0]);
  }
}
// The provider's own ODS code; failing that, the one headquarters of exactly its name in DSPT.
const hqOf = new Map();
for (const body of chosen) {
  const own = providers.find((provider) => provider.providerId === body.providerId)?.odsCode;
  const name = providerName.get(body.providerId);
  hqOf.set(body.providerId, own ?? (name && hqByName.get(plain(name))) ?? "");
}
const two = (number) => String(number % 100).padStart(2, "0");
const moved = (row) => {
  const status = row[2].replace(/^(\d\d)\/(\d\d)/, (_, a, b) => `${two(Number(a) + yearsOn)}/${two(Number(b) + yearsOn)}`);
  const date = row[3].replace(/\d{4}$/, (year) => String(Number(year) + yearsOn));
  return [row[0], row[1], status, date, row[4], row[5]];
};
const codes = new Set([...chosen.filter(isCare).map((body) => body.odsCode), ...[...hqOf.values()].filter(Boolean), ...providers.map((body) => body.odsCode).filter(Boolean)]);
const dsptChosen = dspt.filter((row) => codes.has(row[0])).map(moved);
// Invented, so that the demo has sites of every standing. README.md lists them.
const invented = { VNHWE: "25/26 Standards Met", VNXJQ: "25/26 Standards Met", VNXJX: "25/26 Standards Met", VLD20: "25/26 Standards Met", VLD2A: "25/26 Approaching Standards", VLD2V: "25/26 Standards Met", VM46T: "25/26 Standards Met", VM7Y4: "25/26 Standards Exceeded", VM34N: "22/23 Standards Met", AQ8C: "25/26 Standards Met" };
for (const [code, status] of Object.entries(invented)) {
  if (dsptChosen.some((row) => row[0] === code)) throw new Error(`${code} has a real row`);
  const name = chosen.find((body) => body.odsCode === code)?.name ?? providers.find((body) => body.odsCode === code)?.name;
  const year = 2000 + Number(status.slice(3, 5));
  dsptChosen.push([code, name.toUpperCase(), status, `01/03/${year}`, "Social Care", ""]);
}
dsptChosen.sort((a, b) => (a[0] < b[0] ? -1 : 1));
save("dspt.csv", csv([dsptHeader, ...dsptChosen]));

// ODS: no copy of the real files was to be had, so the rows are made from CQC's own ODS codes.
const day = (date) => (date ?? "").replaceAll("-", "");
const line = (value) => (value ?? "").toUpperCase().slice(0, 35);
const odsRow = (code, body, closed, parent, phone) => {
  const row = Array(27).fill("");
  row[0] = code;
  row[1] = body.name.toUpperCase().slice(0, 100);
  row[4] = line(body.postalAddressLine1);
  row[5] = line(body.postalAddressLine2);
  row[7] = line(body.postalAddressTownCity);
  row[8] = line(body.postalAddressCounty);
  row[9] = body.postalCode ?? "";
  row[10] = day(body.registrationDate);
  row[11] = closed;
  row[14] = parent;
  if (parent) row[15] = day(body.registrationDate);
  row[17] = phone;
  row[21] = "0";
  row[26] = "1";
  return row;
};
const sites = chosen.filter(isCare);
const siteRows = sites.map((body) => odsRow(body.odsCode, body, day(body.deregistrationDate), hqOf.get(body.providerId) ?? "", body.mainPhoneNumber ?? ""));
siteRows.sort((a, b) => (a[0] < b[0] ? -1 : 1));
save("ods-sites.csv", allQuoted(siteRows));

const hqRows = [];
for (const [providerId, code] of hqOf) {
  if (!code || hqRows.some((row) => row[0] === code)) continue;
  const body = providers.find((provider) => provider.providerId === providerId);
  // Where the provider's own body is not in the cut, its name is all that is known.
  hqRows.push(odsRow(code, body ?? { name: providerName.get(providerId) }, "", "", body?.mainPhoneNumber ?? ""));
}
for (const body of providers) {
  if (body.odsCode && !hqRows.some((row) => row[0] === body.odsCode)) hqRows.push(odsRow(body.odsCode, body, day(body.deregistrationDate), "", body.mainPhoneNumber ?? ""));
}
hqRows.sort((a, b) => (a[0] < b[0] ? -1 : 1));
save("ods-hqs.csv", allQuoted(hqRows));

const successions = [];
for (const body of sites) {
  for (const relation of body.relationships ?? []) {
    const next = sites.find((other) => other.locationId === relation.relatedLocationId);
    if (relation.type === "HSCA Successor" && next && next.odsCode !== body.odsCode) {
      successions.push([body.odsCode, next.odsCode, "R", day(next.registrationDate), "0"]);
    }
  }
}
save("ods-succession.csv", allQuoted(successions));

// Site contacts are invented, every one by the same rule.
const contacts = [["Location ID", "Contact ID", "Email", "Telephone"]];
registered.sort((a, b) => (a.locationId < b.locationId ? -1 : 1)).forEach((body, number) => {
  const slug = body.name.toLowerCase().replaceAll("&", "and").replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
  const last = String(100 + number);
  contacts.push([body.locationId, `1-7${body.locationId.slice(2, 11)}`, `manager@${slug}.example`, number % 2 ? `01632 960${last}` : `07700 900${last}`]);
});
if (new Set(contacts.map((row) => row[1])).size !== contacts.length) throw new Error("two contact IDs are the same");
save("site-contacts.csv", csv(contacts));

console.log({ locations: chosen.length, providers: providers.length, ratings: ratingsChosen.length, sites: siteRows.length, hqs: hqRows.length, successions: successions.length, dspt: dsptChosen.length, contacts: contacts.length - 1 });
