// Verifies a published grant with jose and with Node's own crypto.
import { createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { createLocalJWKSet, jwtVerify } from "jose";

const vectors = JSON.parse(readFileSync(process.argv[2], "utf8"));
const jwks = JSON.parse(vectors.key.jwks);
const { token, claims, now } = vectors.grant;

async function withJose(token) {
  const options = {
    algorithms: ["EdDSA", "Ed25519"],
    audience: "database/orders",
    currentDate: new Date(now * 1000),
    issuer: "https://jit.example",
    typ: "jit-grant+jwt",
  };
  return (await jwtVerify(token, createLocalJWKSet(jwks), options)).payload;
}

async function withNode(token) {
  const [header, body, signature] = token.split(".");
  const key = createPublicKey({ key: jwks.keys[0], format: "jwk" });
  const holds = verify(null, Buffer.from(`${header}.${body}`), key, Buffer.from(signature, "base64url"));
  if (!holds) throw new Error("signature does not hold");
  return JSON.parse(Buffer.from(body, "base64url"));
}

/** Changes every bit of every part, one at a time. */
function* altered() {
  for (const part of [0, 1, 2]) {
    const parts = token.split(".");
    const bytes = Buffer.from(parts[part], "base64url");
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      bytes[bit >> 3] ^= 1 << (bit & 7);
      parts[part] = bytes.toString("base64url");
      yield parts.join(".");
      bytes[bit >> 3] ^= 1 << (bit & 7);
    }
  }
}

const sorted = (value) => JSON.stringify(Object.entries(value).sort());

for (const check of [withJose, withNode]) {
  if (sorted(await check(token)) !== sorted(JSON.parse(claims))) throw new Error(`${check.name}: other claims`);
  let count = 0;
  for (const changed of altered()) {
    const accepted = await check(changed).then(() => true, () => false);
    if (accepted) throw new Error(`${check.name} accepts an altered grant`);
    count += 1;
  }
  console.log(`${check.name}: holds, and with each of ${count} bits changed it does not`);
}
