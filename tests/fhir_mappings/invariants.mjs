// Evaluates every invariant of FHIR R4 over resources, with npm fhirpath: one process for all.
// stdin: {"definitions": {type: [{path, types, constraints: [{key, expression}]}]}, "resources": {name: resource}}
// stdout: {"checked": n, "broken": [{name, path, key}], "unable": [{key, message}]}
import { readFileSync } from "node:fs";
import fhirpath from "fhirpath";
import model from "fhirpath/fhir-context/r4/index.mjs";

const { definitions, resources } = JSON.parse(readFileSync(0, "utf8"));
const compiled = new Map();
const broken = [];
const unable = new Map();
let checked = 0;
// R4's own expressions hold trace().
const quiet = { traceFn: () => {} };

/** The expression, ready to run on a part of type `base` of a resource. */
function ready(base, expression) {
  const key = `${base} ${expression}`;
  const path = base ? { base, expression } : expression;
  if (!compiled.has(key)) compiled.set(key, fhirpath.compile(path, model, quiet));
  return compiled.get(key);
}

function evaluate(name, root, value, base, path, constraints) {
  for (const { key, expression } of constraints) {
    checked += 1;
    try {
      // fhirpath 5.2 trips over a number of a known type; no invariant of a number needs its type.
      const of = typeof value === "number" ? "" : base;
      const answer = ready(of, expression)(value, { resource: root, rootResource: root });
      // R4's ref-1 forgot the reference without a literal: its answer is empty, which R5 mended by "exists() implies".
      if (key === "ref-1" && answer.length === 0 && !("reference" in value)) continue;
      if (answer.length !== 1 || answer[0] !== true) broken.push({ name, path, key });
    } catch (error) {
      unable.set(key, error.message);
    }
  }
}

/** Walks one object: the constraints of each element, then those of its type, then its own elements. */
function walk(name, root, value, type, base, path) {
  for (const element of definitions[type] ?? []) {
    const steps = element.path.split(".");
    if (steps.length !== base.split(".").length + 1 || steps.slice(0, -1).join(".") !== base) continue;
    const last = steps.at(-1);
    for (const of of element.types) {
      const key = last.endsWith("[x]") ? last.slice(0, -3) + of[0].toUpperCase() + of.slice(1) : last;
      for (const [number, each] of [value[key] ?? []].flat().entries()) {
        const at = Array.isArray(value[key]) ? `${path}.${key}[${number}]` : `${path}.${key}`;
        const isBackbone = of === "BackboneElement" || of === "Element" || of.startsWith("#");
        evaluate(name, root, each, isBackbone ? element.path : of, at, element.constraints);
        if (typeof each !== "object") continue;
        if (isBackbone) walk(name, root, each, type, of.startsWith("#") ? of.slice(1) : element.path, at);
        else if (definitions[of]) {
          evaluate(name, root, each, of, at, definitions[of][0].constraints);
          walk(name, root, each, of, of, at);
        }
      }
    }
  }
}

for (const [name, resource] of Object.entries(resources)) {
  const type = resource.resourceType;
  evaluate(name, resource, resource, type, type, definitions[type][0].constraints);
  walk(name, resource, resource, type, type, type);
}
const failures = [...unable].map(([key, message]) => ({ key, message }));
process.stdout.write(JSON.stringify({ checked, broken, unable: failures }));
