-- A file of lines "Accept <tab> path" (environment: REQUESTS) comes in; wrk asks them in turn, and one line of JSON goes out.
local requests, at = {}, 0

function init()
  for line in io.lines(os.getenv("REQUESTS")) do
    local accept, path = line:match("^(.-)\t(.+)$")
    requests[#requests + 1] = wrk.format("GET", path, { ["Accept"] = accept, ["Host"] = wrk.headers["Host"] })
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency)
  local lost = summary.errors
  io.write(string.format(
    '\n{"answers":%d,"seconds":%.6f,"refused":%d,"lost":%d,"p50":%.6f,"p99":%.6f,"longest":%.6f}\n',
    summary.requests, summary.duration / 1e6, lost.status, lost.connect + lost.read + lost.write + lost.timeout,
    latency:percentile(50) / 1e6, latency:percentile(99) / 1e6, latency.max / 1e6))
end
