// An authorization server that somebody else wrote (npm oidc-provider) with just enough of SMART and FHIR around it:
// the SMART configuration, a launch context in the token answer, one patient behind a token check.
// Started as: node server.mjs '{"client_id", "redirect_uri", "jwks", "algorithm", "id_token_algorithm"}'; prints its address.
import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import Provider from "oidc-provider";

const told = JSON.parse(process.argv[2] ?? "{}");
const SCOPES = ["openid", "fhirUser", "profile", "launch", "offline_access", "user/Patient.rs", "user/Consent.crus"];
const CONTEXT = { patient: "carol", encounter: "visit-1", need_patient_banner: false };
const PATIENT = { resourceType: "Patient", id: "carol", name: [{ family: "Diaz", given: ["Carol"] }] };

/** @param {string} kind @param {object} options @param {string} alg */
function signingKey(kind, options, alg) {
  const pair = generateKeyPairSync(/** @type {any} */ (kind), /** @type {any} */ (options));
  return { .../** @type {any} */ (pair).privateKey.export({ format: "jwk" }), use: "sig", alg, kid: alg };
}

/** @param {string} base */
function makeProvider(base) {
  const provider = new Provider(base, {
    clients: [
      {
        client_id: told.client_id,
        redirect_uris: [told.redirect_uri],
        grant_types: ["authorization_code", "refresh_token"],
        response_types: ["code"],
        token_endpoint_auth_method: "private_key_jwt",
        token_endpoint_auth_signing_alg: told.algorithm,
        id_token_signed_response_alg: told.id_token_algorithm,
        jwks: told.jwks,
      },
    ],
    jwks: {
      keys: [
        signingKey("rsa", { modulusLength: 2048 }, "RS256"),
        signingKey("ec", { namedCurve: "P-384" }, "ES384"),
      ],
    },
    enabledJWA: {
      clientAuthSigningAlgValues: ["RS384", "ES384"],
      idTokenSigningAlgValues: ["RS256", "ES384"],
    },
    scopes: SCOPES,
    claims: { openid: ["sub"], fhirUser: ["fhirUser", "name"] },
    conformIdTokenClaims: false,
    clientBasedCORS: () => false,
    cookies: { keys: ["not a secret: a test"] },
    extraParams: ["launch", "aud"],
    features: { devInteractions: { enabled: false } },
    findAccount: async (_, sub) => ({
      accountId: sub,
      claims: async () => ({ sub, fhirUser: `${base}/fhir/Practitioner/dr-alice`, name: "Dr Alice Moreau" }),
    }),
    interactions: { url: async (_, interaction) => `/interaction/${interaction.uid}` },
    issueRefreshToken: async () => true,
    pkce: { required: () => true },
    rotateRefreshToken: true,
    ttl: { AccessToken: 3600, AuthorizationCode: 60, Grant: 3600, IdToken: 300, Interaction: 600, Session: 3600 },
  });
  provider.use(async (ctx, next) => {
    await next();
    if (ctx.oidc?.route === "token" && ctx.status === 200) ctx.body = { .../** @type {any} */ (ctx.body), ...CONTEXT };
  });
  return provider;
}

/** @param {any} provider @param {any} request @param {any} response */
async function approve(provider, request, response) {
  const { params } = await provider.interactionDetails(request, response);
  const grant = new provider.Grant({ accountId: "alice", clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  const consent = { grantId: await grant.save() };
  await provider.interactionFinished(request, response, { login: { accountId: "alice" }, consent });
}

/** @param {any} response @param {number} status @param {object} body */
function answer(response, status, body) {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

/** @param {any} provider @param {string} base @param {any} request @param {any} response */
async function fhir(provider, base, request, response) {
  const path = new URL(request.url, base).pathname;
  if (path === "/fhir/.well-known/smart-configuration") {
    answer(response, 200, {
      issuer: base,
      jwks_uri: `${base}/jwks`,
      authorization_endpoint: `${base}/auth`,
      token_endpoint: `${base}/token`,
      scopes_supported: SCOPES,
      capabilities: ["launch-ehr", "sso-openid-connect", "permission-v2", "client-confidential-asymmetric"],
      code_challenge_methods_supported: ["S256"],
      authorization_response_iss_parameter_supported: true,
    });
    return;
  }
  const token = await provider.AccessToken.find((request.headers.authorization ?? "").replace("Bearer ", ""));
  if (!token?.isValid) answer(response, 401, { resourceType: "OperationOutcome" });
  else if (path === "/fhir/Patient/carol") answer(response, 200, PATIENT);
  else answer(response, 404, { resourceType: "OperationOutcome" });
}

const server = createServer();
server.listen(0, "127.0.0.1", () => {
  const base = `http://127.0.0.1:${/** @type {any} */ (server.address()).port}`;
  const provider = makeProvider(base);
  const callback = provider.callback();
  server.on("request", (request, response) => {
    const url = request.url ?? "";
    const broken = (/** @type {unknown} */ error) => {
      console.error(error);
      answer(response, 500, { error: "broken" });
    };
    if (url.startsWith("/fhir/")) fhir(provider, base, request, response).catch(broken);
    else if (url.startsWith("/interaction/")) approve(provider, request, response).catch(broken);
    else callback(request, response);
  });
  console.log(base);
});
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
