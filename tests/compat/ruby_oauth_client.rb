# Ruby's oauth gem, as the API's own sample client used it.

require "json"
require "oauth"
require "zlib"

request = JSON.parse($stdin.read)
uri = URI(request["url"])
consumer = OAuth::Consumer.new(request["consumer_key"], request["consumer_secret"], site: "#{uri.scheme}://#{uri.host}:#{uri.port}")
token = OAuth::AccessToken.new(consumer, request["token"], request["token_secret"])
# Asked for by hand, because Net::HTTP otherwise inflates unseen and takes the header away.
headers = { "Content-Type" => "application/json", "Accept-Encoding" => "gzip" }
answer = token.post(uri.path, JSON.generate(request["body"]), headers)
encoding = answer["Content-Encoding"]
text = encoding == "gzip" ? Zlib.gunzip(answer.body) : answer.body.to_s
puts JSON.generate(status: answer.code.to_i, encoding: encoding, text: text.force_encoding(Encoding::UTF_8))
