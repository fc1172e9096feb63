-- Counts a code unless a limit is reached.
--
-- KEYS     first the lists of the recipient, each with the times of the last codes, newest first;
--          then the counters, each with a window that begins with its first code
-- ARGV[1]  now, Unix time in seconds
-- ARGV[2]  the recipient's window in seconds
-- ARGV[3]  the number of codes that may be sent to the recipient within any window
-- ARGV[4]  the number of KEYS that are lists of the recipient
-- ARGV[5…] for each counter, its window in seconds and its limit
--
-- Returns {0, 0} if the code may be sent, and counts it. Otherwise it counts nothing, and returns the seconds until a code
-- may be sent and the number of the limit: 1 for the recipient's, 2 for that of the first counter, and so on.
local recipient = tonumber(ARGV[4])
local wait, limit = 0, 0
for number, key in ipairs(KEYS) do
  local left = 0
  if number <= recipient then
    local oldest = redis.call('LINDEX', key, ARGV[3] - 1)
    left = oldest and tonumber(oldest) + tonumber(ARGV[2]) - tonumber(ARGV[1]) or 0
  elseif tonumber(redis.call('GET', key) or '0') >= tonumber(ARGV[4 + 2 * (number - recipient)]) then
    left = math.max(redis.call('TTL', key), 1)
  end
  if left > wait then
    wait, limit = left, math.max(number - recipient + 1, 1)
  end
end
if wait > 0 then
  return {wait, limit}
end
for number, key in ipairs(KEYS) do
  if number <= recipient then
    redis.call('LPUSH', key, ARGV[1])
    redis.call('LTRIM', key, 0, ARGV[3] - 1)
    redis.call('EXPIRE', key, ARGV[2])
  elseif redis.call('INCR', key) == 1 then
    redis.call('EXPIRE', key, ARGV[3 + 2 * (number - recipient)])
  end
end
return {0, 0}
