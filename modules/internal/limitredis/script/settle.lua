-- Replaces what a decision has counted by what it came to. KEYS: for each group its
-- counters, and its reservations or, if it has none, the mark that it is settled.
-- ARGV: what is settled, the decision's ID. A reservation that is not there was
-- settled before, or is lost: then nothing happens. Flags: 1 leaves word that a
-- decision which may yet arrive is not to be counted; 2 clears old reservations away.

local CANCEL, CLEAR = 1, 2
local ms, id = floor(now / 1000), ARGV[2]

-- clear forgets reservations whose lease and windows have passed.
local function clear(rkey)
  local all, gone = call('HGETALL', rkey), {}
  for i = 2, #all, 2 do
    local lease, untl = unpack('<I6I6', all[i])
    if max(lease, untl) < ms then
      gone[#gone + 1] = all[i - 1]
      if #gone == 1000 then
        break
      end
    end
  end
  if #gone > 0 then
    call('HDEL', rkey, list(gone))
  end
end

-- replace makes what was counted in slot larger by d, not below zero.
local function replace(c, slot, d)
  if not within(c, slot) then
    return
  end
  local kind, b = c.kind, c.b
  if kind == SLIDING then
    local back = c.a - slot
    local cells, size = c.cells, c.size
    local i = #cells / size - 1 - back
    if i < 0 then
      if d <= 0 then
        return
      end
      cells, i = rep('\0', -i * size) .. cells, 0
    end
    local v = unpack(c.cell, cells, i * size + 1)
    local n = max(0, min(v + d, c.most, v + (MAX - b)))
    c.cells = sub(cells, 1, i * size) .. pack(c.cell, n) .. sub(cells, i * size + size + 1)
    c.b = b + (n - v)
    drop(c, 0)
  elseif kind == BUCKET then
    c.b = max(0, min(MAX, b + d * c.len))
    c.untl = c.a + ceil(c.b / c.lim) + 1
  else
    c.b = max(0, min(MAX, b + d))
  end
  change(c)
end

local checks, out, n, k = {}, {pack('<c1I7', 'S', now)}, 0, 1
for g = 1, groups do
  local count, gf
  count, gf, at = unpack('<BB', args, at)
  local key, mark, first, last = KEYS[k], KEYS[k + 1], n + 1, n + count
  n, k = last, k + 2
  local slots, actual = {}, {}
  for i = first, last do
    checks[i] = check()
    slots[i], actual[i], at = unpack('<I7I7', args, at)
  end
  local rec, alive
  if gf == 1 then
    rec = call('HGET', mark, id)
    if rec then
      alive = #rec > 12
      if alive then
        call('HDEL', mark, id)
      end
    elseif flags % CLEAR == CANCEL then
      call('HSET', mark, id, pack('<I6I6', ms + 60000, 0))
      if call('PTTL', mark) < 30000 + slack then
        call('PEXPIRE', mark, 30000 + slack)
      end
    end
    if flags % 4 >= CLEAR then
      clear(mark)
    end
  else
    alive = call('SET', mark, '', 'NX', 'PX', 300000)
  end
  local rest, longest = load(call('GET', key), checks, first, last)
  local lease = rec and unpack('<I6', rec)
  for i = first, last do
    local c = checks[i]
    if not advance(c, mark) then
      return pack('<c1I7', 'T', now)
    end
    if not alive then
      -- only to tell what is known
    elseif rec then
      for p = 13, #rec, 21 do
        local rid, _, slot, w = unpack('<I6BI7I7', rec, p)
        if rid == c.id then
          if c.kind == HELD then
            if not c.found then
              c.a = 0 -- counted when it is asked for
            elseif ms < c.kepta and lease > ms then
              c.b = max(0, c.b - w) -- or else it is left out already
            end
          else
            replace(c, slot, actual[i] - w)
          end
        end
      end
    else
      replace(c, slots[i], actual[i] - c.w)
    end
    out[#out + 1] = state(c, alive)
  end
  if alive then
    store(key, checks, first, last, rest, longest)
  end
end
return table.concat(out)
