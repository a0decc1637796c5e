-- Forgets what counters hold. Their versions go on, so that nobody brings back what
-- was forgotten. KEYS: for each group its counters and its reservations.
local checks, out, n, k = {}, {pack('<c1I7', 'S', now)}, 0, 1
for g = 1, groups do
  local count, gf
  count, gf, at = unpack('<BB', args, at)
  local key, rkey, first, last = KEYS[k], KEYS[k + 1], n + 1, n + count
  n, k = last, k + 2
  for i = first, last do
    checks[i] = check()
  end
  local rest, longest = load(call('GET', key), checks, first, last)
  for i = first, last do
    local c = checks[i]
    learn(c)
    if not advance(c, rkey) then
      return pack('<c1I7', 'T', now)
    end
    if c.kind ~= HELD then
      c.b, c.cells = 0, ''
      change(c)
    end
    out[#out + 1] = state(c, true)
  end
  store(key, checks, first, last, rest, longest)
  local all = call('HGETALL', rkey)
  for i = 2, #all, 2 do -- what is open will be charged whole
    local rec = all[i]
    local kept = {sub(rec, 1, 12)}
    for p = 13, #rec, 21 do
      local rid, kind, slot, w = unpack('<I6BI7I7', rec, p)
      for j = first, last do
        if checks[j].id == rid and kind ~= HELD then
          w = 0
        end
      end
      kept[#kept + 1] = pack('<I6BI7I7', rid, kind, slot, w)
    end
    call('HSET', rkey, all[i - 1], table.concat(kept))
  end
end
return table.concat(out)
