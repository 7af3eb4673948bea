/*
 * Evaluates FHIRPath with @medplum/core, for tests/test_knowledge.py: an engine that shares no code with fhirpathpy.
 * node fhirpath.mjs NODE_MODULES < [[expression, resource, {variable: text}], ...]; prints the list of the collections.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

const require = createRequire(join(resolve(process.argv[2]), "from-here.js"));
const { evalFhirPathTyped, parseFhirPath, toTypedValue } = require("@medplum/core");

const parsed = new Map();
function evaluated([expression, resource, variables]) {
  if (!parsed.has(expression)) {
    parsed.set(expression, parseFhirPath(expression));
  }
  const named = Object.entries(variables).map(([name, value]) => [`%${name}`, toTypedValue(value)]);
  const found = evalFhirPathTyped(parsed.get(expression), [toTypedValue(resource)], Object.fromEntries(named));
  return found.map(({ value }) => value);
}

const asked = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(asked.map(evaluated)));
