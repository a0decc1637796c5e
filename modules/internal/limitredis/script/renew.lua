-- Prolongs the lease of a reservation, and makes it again where Redis has lost it.
-- KEYS: counters, reservations. ARGV: the clock, the decision's ID, and, as they are
-- kept, the windows of which the reservation is to be made again.
local ms, id, windows = floor(now / 1000), ARGV[2], ARGV[3]
local lease = ms + 30000
local rec = call('HGET', KEYS[2], id)
local past = rec and unpack('<I6', rec) <= ms
if rec then
  if #rec <= 12 then
    return 0 -- cancelled
  end
  rec = pack('<I6', lease) .. sub(rec, 7)
elseif windows ~= '' then
  rec, past = pack('<I6', lease) .. windows, true
else
  return 0
end
call('HSET', KEYS[2], id, rec)
local _, untl = unpack('<I6I6', rec)
local ttl = max(untl - ms, 30000) + slack
if call('PTTL', KEYS[2]) < ttl then
  call('PEXPIRE', KEYS[2], ttl)
end
-- Counters of what is held live as long as their leases.
local checks = {}
for p = 13, #rec, 21 do
  local rid, kind = unpack('<I6B', rec, p)
  if kind == HELD then
    checks[#checks + 1] = {id = rid, kind = kind, a = 0, b = 0, ver = 0, untl = 0, cells = ''}
  end
end
if #checks > 0 then
  local rest, longest = load(call('GET', KEYS[1]), checks, 1, #checks)
  for _, c in ipairs(checks) do
    c.untl = max(c.untl, lease)
    if past or not c.found then
      c.a = 0 -- counted anew when it is asked for
    end
  end
  store(KEYS[1], checks, 1, #checks, rest, longest)
end
return 1
