-- Sends the signed bets of the file BETS, each once, and prints the result as one JSON line. A line holds the values of the
-- headers BETS_HEADERS, and then the body.
local bets, at = {}, 0

function init(args)
  local names = {}
  for name in os.getenv("BETS_HEADERS"):gmatch("%S+") do names[#names + 1] = name end
  local start = "POST " .. os.getenv("BETS_PATH") .. " HTTP/1.1\r\nHost: 127.0.0.1\r\n"
  for line in io.lines(os.getenv("BETS")) do
    local headers, from = "", 1
    for _, name in ipairs(names) do
      local first, last = line:find(" ", from, true)
      headers = headers .. name .. ": " .. line:sub(from, first - 1) .. "\r\n"
      from = last + 1
    end
    local body = line:sub(from)
    bets[#bets + 1] = start .. headers .. "Content-Length: " .. #body .. "\r\n\r\n" .. body
  end
end

function request()
  at = at + 1
  if at > #bets then at = 1 end
  return bets[at]
end

function done(summary, latency)
  local errors = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status + summary.errors.timeout
  io.write(string.format('{"requests":%d,"seconds":%.4f,"errors":%d,"p50":%.3f,"p90":%.3f,"p99":%.3f,"max":%.3f}\n',
    summary.requests, summary.duration / 1e6, errors, latency:percentile(50) / 1e3, latency:percentile(90) / 1e3,
    latency:percentile(99) / 1e3, latency.max / 1e3))
end
