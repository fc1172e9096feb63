-- Counts a code that is sent, unless too many were sent before.
-- ARGV[1] now, ARGV[2] the recipient's window in seconds, ARGV[3] how many are sent to the recipient within any window,
-- ARGV[4] how many of the KEYS are the recipient's: the times of the last ones, newest first. The other KEYS count all that
-- are sent, in windows of ARGV[5] seconds that begin with the first; ARGV[6…] how many are sent in each of these.
-- Returns the seconds until the next one may be sent, and which limit says so: 1 the recipient's, 2… the others; {0, 0} when
-- this one may be sent, which is then counted. A refusal counts nowhere.
local recipient = tonumber(ARGV[4])
local wait, limit = 0, 0
for number, key in ipairs(KEYS) do
  local left = 0
  if number <= recipient then
    local oldest = redis.call('LINDEX', key, ARGV[3] - 1)
    left = oldest and tonumber(oldest) + tonumber(ARGV[2]) - tonumber(ARGV[1]) or 0
  elseif tonumber(redis.call('GET', key) or '0') >= tonumber(ARGV[5 + number - recipient]) then
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
    redis.call('EXPIRE', key, ARGV[5])
  end
end
return {0, 0}
