-- Replaces records of one owner if their revisions are still those that were read.
--
-- KEYS         the keys of the records; the first 9 bytes of a record are its revision, unique to every commit and removal
-- ARGV[3i-2]   for KEYS[i], the revision that was read, '' if there was no record
-- ARGV[3i-1]   the new record, '' to leave the record unchanged
-- ARGV[3i]     the expiry of the new record: Unix time in milliseconds, '0' for never
--
-- Returns 1 if the new records are stored, otherwise the current record of KEYS[1] ('' if there is none).
local first
local unchanged, committed = true, false
local is_own = {}
for i, key in ipairs(KEYS) do
  local current = redis.call('GET', key) or ''
  first = first or current
  local revision, new = string.sub(current, 1, 9), ARGV[3 * i - 1]
  unchanged = unchanged and revision == ARGV[3 * i - 2]
  -- A retry after a lost response finds its own revision. It writes again all the same, because WAIT covers only the
  -- writes of its own connection, and the first write may have used another one.
  is_own[i] = new ~= '' and revision == string.sub(new, 1, 9)
  committed = committed or is_own[i]
end
if not (unchanged or committed) then
  return first
end
for i, key in ipairs(KEYS) do
  local new, expiry = ARGV[3 * i - 1], ARGV[3 * i]
  -- A retry leaves the records that later commits have changed.
  if new ~= '' and (is_own[i] or not committed) then
    -- Only the new record defines its expiry. The TTL of the former record must not apply to it.
    if expiry == '0' then
      redis.call('SET', key, new)
    else
      redis.call('SET', key, new, 'PXAT', expiry)
    end
  end
end
return 1
