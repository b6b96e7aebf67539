import { Ajv2020 } from "ajv/dist/2020";
import { expect, test } from "bun:test";
import { fakeServer, form, sayingEngine } from "../../tests/support/fake_server.ts";
import { openApi, schemas } from "./openapi.ts";
import { routes } from "./routes.ts";

const document = openApi("1.2.3") as { readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>> };

test("the document has every endpoint, and no other", () => {
  const named = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace("{id}", "ID")}`)
  );
  expect(named.toSorted()).toEqual(routes.map(({ method, name }) => `${method} ${name}`).toSorted());
});

test("every reference leads somewhere", () => {
  const names = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map(([, name]) =>
    name!
  );
  expect(names.length).toBeGreaterThan(10);
  expect(names.filter((name) => !(name in schemas))).toEqual([]);
});

/** Whether the value is of the schema of that name, with no other members than it has. */
function expectOf(name: string, value: unknown): void {
  const ajv = new Ajv2020({ strict: false });
  const schema = { $ref: `#/components/schemas/${name}`, components: { schemas } };
  const validate = ajv.compile(schema);
  validate(value);
  expect(validate.errors).toBeNull();
}

test("replies are what the document says", async () => {
  await using server = await fakeServer(sayingEngine());
  const send = (path: string, fields = {}) => {
    return fetch(server.url + path, { method: "POST", body: form("2s", fields) }).then((response) => response.json());
  };
  const get = (path: string) => fetch(server.url + path).then((response) => response.json());
  expectOf("Transcription", await send("/v1/audio/transcriptions"));
  const fields = { response_format: "verbose_json", timestamp_granularities: "segment,word" };
  expectOf("VerboseTranscription", await send("/v1/audio/transcriptions", fields));
  const job = await send("/v1/jobs");
  expectOf("Job", job);
  expectOf("Jobs", await get("/v1/jobs"));
  expectOf("Job", await get(`/v1/jobs/${job.id}`));
  expectOf("Models", await get("/v1/models"));
  expectOf("Error", await get("/v1/nothing"));
  expectOf("Error", await send("/v1/audio/translations"));
  expect(await get("/openapi.json")).toEqual(JSON.parse(JSON.stringify(document)));
});
