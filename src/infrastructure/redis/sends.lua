-- Counts a code that is sent, unless too many were sent before.
-- KEYS[1] the times of the last ones to the recipient, newest first; the other KEYS count all that are sent, each in
-- windows that begin with the first. ARGV[1] now, ARGV[2] the recipient's window in seconds, ARGV[3] how many are sent to
-- the recipient within any window, ARGV[4] the seconds of the other windows, ARGV[5…] how many are sent in each of these.
-- Returns the seconds until the next one may be sent, and the number of the key that says so; {0, 0} when this one may be
-- sent, which is then counted. A refusal counts nowhere.
local wait, reason = 0, 0
local oldest = redis.call('LINDEX', KEYS[1], ARGV[3] - 1)
if oldest then
  wait = tonumber(oldest) + tonumber(ARGV[2]) - tonumber(ARGV[1])
  reason = 1
end
for number = 2, #KEYS do
  if tonumber(redis.call('GET', KEYS[number]) or '0') >= tonumber(ARGV[3 + number]) then
    local left = math.max(redis.call('TTL', KEYS[number]), 1)
    if left > wait then
      wait, reason = left, number
    end
  end
end
if wait > 0 then
  return {wait, reason}
end
redis.call('LPUSH', KEYS[1], ARGV[1])
redis.call('LTRIM', KEYS[1], 0, ARGV[3] - 1)
redis.call('EXPIRE', KEYS[1], ARGV[2])
for number = 2, #KEYS do
  if redis.call('INCR', KEYS[number]) == 1 then
    redis.call('EXPIRE', KEYS[number], ARGV[4])
  end
end
return {0, 0}
