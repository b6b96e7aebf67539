/** For tests: checks a value against docs/transcript.schema.json with an independent validator. */

import { Ajv2020 } from "ajv/dist/2020.js";
import schema from "../../docs/transcript.schema.json" with { type: "json" };

const ajv = new Ajv2020({ allErrors: true, strictTypes: false });
ajv.addSchema(schema, "transcript");

/** What is wrong with `value` as one of the schema's definitions; nothing where it matches. */
export function schemaErrors(value: unknown, definition = "document"): string[] {
  const validate = ajv.getSchema(`transcript#/$defs/${definition}`);
  if (!validate) throw new Error(`the schema has no ${definition}`);
  return validate(value) ? [] : validate.errors!.map(({ instancePath, message }) => `${instancePath}: ${message}`);
}
