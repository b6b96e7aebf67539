/** For tests: checks a value against docs/transcript.schema.json with an independent validator. */

import { Ajv2020 } from "ajv/dist/2020.js";
import schema from "../../docs/transcript.schema.json" with { type: "json" };

/** The published schema lets readers meet unknown fields; what this program writes has none. */
const strictSchema = { ...schema, $id: "strict.schema.json", $defs: mapValues(schema.$defs, withoutUnknown) };

const ajv = new Ajv2020({ allErrors: true, strictTypes: false });
ajv.addSchema(schema, "transcript");
ajv.addSchema(strictSchema, "strict");

/** The errors in `value`, which this program wrote, against a definition of the schema; none if it matches. */
export function schemaErrors(value: unknown, definition = "document"): string[] {
  return errorsOf("strict", value, definition);
}

/** The errors that a reader must reject: unknown fields are allowed. */
export function readerErrors(value: unknown, definition = "document"): string[] {
  return errorsOf("transcript", value, definition);
}

function errorsOf(name: string, value: unknown, definition: string): string[] {
  const validate = ajv.getSchema(`${name}#/$defs/${definition}`);
  if (!validate) throw new Error(`the schema has no ${definition}`);
  return validate(value) ? [] : validate.errors!.map(({ instancePath, message }) => `${instancePath}: ${message}`);
}

/** Definitions that are parts of others (`head`, `segmentContent`) stay open: they have only some of the fields. */
function withoutUnknown(definition: object, name: string): object {
  const isPart = name === "head" || name === "segmentContent";
  return isPart || !("properties" in definition) ? definition : { ...definition, unevaluatedProperties: false };
}

function mapValues(values: Readonly<Record<string, object>>, to: (value: object, name: string) => object) {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, to(value, name)]));
}
