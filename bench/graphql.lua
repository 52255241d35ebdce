-- Posts the operation of the file OPERATIONS, one JSON body a line, in turn, and prints the result as one JSON line.
local requests, at = {}, 0

function init(args)
  local start = "POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nAuthorization: Bearer " ..
    os.getenv("TOKEN") .. "\r\n"
  for body in io.lines(os.getenv("OPERATIONS")) do
    requests[#requests + 1] = start .. "Content-Length: " .. #body .. "\r\n\r\n" .. body
  end
end

function request()
  at = at + 1
  if at > #requests then at = 1 end
  return requests[at]
end

function done(summary, latency)
  local errors = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.status + summary.errors.timeout
  io.write(string.format('{"requests":%d,"seconds":%.4f,"errors":%d,"p50":%.3f,"p90":%.3f,"p99":%.3f,"max":%.3f}\n',
    summary.requests, summary.duration / 1e6, errors, latency:percentile(50) / 1e3, latency:percentile(90) / 1e3,
    latency:percentile(99) / 1e3, latency.max / 1e3))
end
