// Node's oauth-1.0a, which signs, with the fetch that Node brings, which sends.

const crypto = require("node:crypto");
const fs = require("node:fs");
const OAuth = require("oauth-1.0a");

async function main() {
  const request = JSON.parse(fs.readFileSync(0, "utf8"));
  const { url } = request;
  const oauth = OAuth({
    consumer: { key: request.consumer_key, secret: request.consumer_secret },
    signature_method: "HMAC-SHA1",
    hash_function: (text, key) => crypto.createHmac("sha1", key).update(text).digest("base64"),
  });
  const token = request.token ? { key: request.token, secret: request.token_secret } : undefined;
  const signed = oauth.authorize({ url, method: "POST" }, token);
  const answer = await fetch(url, {
    method: "POST",
    headers: { ...oauth.toHeader(signed), "Content-Type": "application/json" },
    body: JSON.stringify(request.body),
    signal: AbortSignal.timeout(30_000),
  });
  const encoding = answer.headers.get("content-encoding");
  console.log(JSON.stringify({ status: answer.status, encoding, text: await answer.text() }));
}

main();
