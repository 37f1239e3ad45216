# Ruby's oauth gem, as the API's own sample client used it.

require "json"
require "net/http"
require "oauth"
require "time"
require "zlib"

BASE = ENV.fetch("EMULATOR").chomp("/")
METRICS = %w[engagements favorites impressions].freeze

def ask(what, query = {}, post = nil)
  uri = URI("#{BASE}/_emulator/#{what}")
  uri.query = URI.encode_www_form(query) unless query.empty?
  answer = post ? Net::HTTP.post(uri, JSON.generate(post), "Content-Type" => "application/json") : Net::HTTP.get_response(uri)
  raise "#{uri}: #{answer.code}" unless answer.is_a?(Net::HTTPSuccess)
  answer.body.to_s.strip.empty? ? nil : JSON.parse(answer.body)
end

def report(call, check, holds, seen)
  puts [call, check, holds ? "ok" : seen.split.join(" ")].join("\t")
end

def differences(body, answer)
  window = answer.slice("start", "end")
  body["tweet_ids"].product(body["engagement_types"]).filter_map do |tweet_id, metric|
    wanted = ask("truth", { "tweet_id" => tweet_id, "metric" => metric }.merge(window))["value"]
    got = Integer(answer.fetch("by tweet").fetch(tweet_id).fetch(metric), 10)
    "#{metric} of #{tweet_id} is #{got}, not #{wanted}" unless got == wanted
  end
rescue KeyError, ArgumentError, TypeError => error
  [error.message]
end

now = Time.now.utc
ask("clock", {}, { "now" => now.strftime("%Y-%m-%dT%H:%M:%SZ"), "frozen" => true })
world = ask("world")
app = world["apps"].first
account = world["accounts"].first
ids = ask("tweets", { "class" => "owned", "screen_name" => account["screen_name"], "count" => 2 })["tweet_ids"]

post = lambda do |call, body, secret|
  consumer = OAuth::Consumer.new(app["consumer_key"], app["consumer_secret"], site: BASE)
  token = OAuth::AccessToken.new(consumer, account["access_token"], secret)
  # Asked for by hand, because Net::HTTP otherwise inflates unseen and takes the header away.
  headers = { "Content-Type" => "application/json", "Accept-Encoding" => "gzip" }
  answer = token.post("/insights/engagement/#{call}", JSON.generate(body), headers)
  encoding = answer["Content-Encoding"]
  text = encoding == "gzip" ? Zlib.gunzip(answer.body) : answer.body.to_s
  [answer.code.to_i, encoding, text.force_encoding(Encoding::UTF_8)]
end

%w[totals 28hr historical].each do |call|
  body = {
    "tweet_ids" => ids,
    "engagement_types" => METRICS,
    "groupings" => { "by tweet" => { "group_by" => %w[tweet.id engagement.type] } }
  }
  if call == "historical"
    body["start"] = (now - 8 * 86_400).strftime("%Y-%m-%dT00:00:00Z")
    body["end"] = (now - 86_400).strftime("%Y-%m-%dT00:00:00Z")
  end
  status, encoding, text = post.call(call, body, account["access_token_secret"])
  report(call, "status", status == 200, "#{status}: #{text[0, 500]}")
  report(call, "gzip", encoding == "gzip", "Content-Encoding #{encoding.inspect}")
  wrong = status == 200 ? differences(body, JSON.parse(text)) : ["no values"]
  report(call, "values", wrong.empty?, wrong.join("; "))
  status, _, text = post.call(call, body, "wrong")
  report(call, "wrong secret", status == 401, "#{status}: #{text[0, 500]}")
end
