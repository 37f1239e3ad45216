// Node's oauth-1.0a, which signs, with the fetch that Node brings, which sends.

const crypto = require("node:crypto");
const OAuth = require("oauth-1.0a");

const base = process.env.EMULATOR.replace(/\/$/, "");
const PRIVATE = ["engagements", "favorites", "impressions"];
const PUBLIC = ["favorites", "retweets"];

async function ask(what, query = {}, post) {
  const url = new URL(`${base}/_emulator/${what}`);
  url.search = new URLSearchParams(query);
  const sent = post && { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(post) };
  const answer = await fetch(url, { signal: AbortSignal.timeout(30_000), ...sent });
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  const text = await answer.text();
  return text.trim() ? JSON.parse(text) : null;
}

function report(call, check, holds, seen) {
  console.log([call, check, holds ? "ok" : seen.split(/\s+/).join(" ")].join("\t"));
}

async function differences(body, text) {
  const answer = JSON.parse(text);
  const window = Object.fromEntries(["start", "end"].filter((bound) => bound in answer).map((bound) => [bound, answer[bound]]));
  const found = [];
  for (const tweet_id of body.tweet_ids) {
    for (const metric of body.engagement_types) {
      const { value } = await ask("truth", { tweet_id, metric, ...window });
      const got = answer["by tweet"]?.[tweet_id]?.[metric];
      if (got !== String(value)) found.push(`${metric} of ${tweet_id} is ${got}, not ${value}`);
    }
  }
  return found;
}

async function examine(call, app, token, body) {
  const url = `${base}/insights/engagement/${call.split(" ")[0]}`;
  const post = async (right) => {
    const oauth = OAuth({
      consumer: { key: app.consumer_key, secret: right || token ? app.consumer_secret : "wrong" },
      signature_method: "HMAC-SHA1",
      hash_function: (text, key) => crypto.createHmac("sha1", key).update(text).digest("base64"),
    });
    const signer = token && { key: token.key, secret: right ? token.secret : "wrong" };
    const signed = oauth.authorize({ url, method: "POST" }, signer);
    const answer = await fetch(url, {
      method: "POST",
      headers: { ...oauth.toHeader(signed), "Content-Type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(30_000),
    });
    return { status: answer.status, encoding: answer.headers.get("content-encoding"), text: await answer.text() };
  };
  const { status, encoding, text } = await post(true);
  report(call, "status", status === 200, `${status}: ${text.slice(0, 500)}`);
  report(call, "gzip", encoding === "gzip", `Content-Encoding ${encoding}`);
  const wrong = status === 200 ? await differences(body, text) : ["no values"];
  report(call, "values", wrong.length === 0, wrong.join("; "));
  const refused = await post(false);
  report(call, "wrong secret", refused.status === 401, `${refused.status}: ${refused.text.slice(0, 500)}`);
}

async function main() {
  const now = Date.now();
  const time = (at) => new Date(at).toISOString().replace(/\.\d+Z$/, "Z");
  const midnight = (daysAgo) => time(now - daysAgo * 86_400_000).replace(/T.*/, "T00:00:00Z");
  await ask("clock", {}, { now: time(now), frozen: true });
  const world = await ask("world");
  const [app] = world.apps;
  const [account] = world.accounts;
  const groupings = { "by tweet": { group_by: ["tweet.id", "engagement.type"] } };
  const owned = await ask("tweets", { class: "owned", screen_name: account.screen_name, count: 2 });
  const token = { key: account.access_token, secret: account.access_token_secret };
  for (const call of ["totals", "28hr", "historical"]) {
    const window = call === "historical" ? { start: midnight(8), end: midnight(1) } : {};
    await examine(call, app, token, { tweet_ids: owned.tweet_ids, engagement_types: PRIVATE, groupings, ...window });
  }
  const unowned = await ask("tweets", { class: "unowned", count: 2 });
  await examine("totals app-only", app, null, { tweet_ids: unowned.tweet_ids, engagement_types: PUBLIC, groupings });
}

main();
