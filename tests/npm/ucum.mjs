/*
 * Says what ucum-lhc makes of pairs of units, for tests/test_units.py.
 * node ucum.mjs NODE_MODULES < pairs.json, pairs being [{from, to, molarMass, charge}, ...] (the last two may be
 * null); prints [{factor, error}, ...] in the same order.
 */
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";

const require = createRequire(join(resolve(process.argv[2]), "from-here.js"));
const ucum = require("@lhncbc/ucum-lhc").UcumLhcUtils.getInstance();

const answers = JSON.parse(readFileSync(0, "utf8")).map(({ from, to, molarMass, charge }) => {
  const answer = ucum.convertUnitTo(from, 1, to, { molecularWeight: molarMass, charge });
  return answer.status === "succeeded"
    ? { factor: answer.toVal, error: null }
    : { factor: null, error: answer.msg.join(" ") };
});
process.stdout.write(JSON.stringify(answers));
