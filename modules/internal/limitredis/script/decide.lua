-- Decides about all checks of a request. KEYS: for each group of checks that have
-- one key, its counters and, if it reserves, its reservations; then, for hard
-- limits, the mark of the epoch. ARGV: what is asked, the decision's ID, the epoch.
local RESERVE, LOOK, HARD, TELL = 1, 2, 4, 8
local ms = floor(now / 1000)
local telling = flags >= TELL -- looking, but what is reserved does not matter
flags = flags % TELL
local reserving, looking = flags % 2 == 1, flags % 4 >= LOOK

if flags >= HARD then
  local mark = call('GET', KEYS[#KEYS])
  if not mark or sub(mark, 1, 16) ~= ARGV[3] then
    return pack('<c1I7I7', 'E', now, 0)
  end
  local age = now - unpack('<I7', mark, 17)
  if age < 1000000 then
    return pack('<c1I7I7', 'E', now, min(1000000, 1000000 - age))
  end
end

local checks, G, n, k, denied = {}, {}, 0, 1, false
for g = 1, groups do
  local count, gf
  count, gf, at = unpack('<BB', args, at)
  local group = {key = KEYS[k], first = n + 1, last = n + count}
  k = k + 1
  if gf == 1 then
    group.rkey, k = KEYS[k], k + 1
  end
  G[g] = group
  for i = n + 1, group.last do
    checks[i] = check()
  end
  n = group.last
  group.rest, group.longest = load(call('GET', group.key), checks, group.first, n)
  for i = group.first, n do
    local c = checks[i]
    if c.kver then
      learn(c)
    end
    if not advance(c, group.rkey) then
      return pack('<c1I7', 'T', now)
    end
    local w = c.w
    if w > 0 then
      if c.kind == BUCKET then
        c.over = c.b + w * c.len > c.cap * c.len
      else
        c.over = c.b + w > c.cap
      end
      if c.over and c.f % WIDE == 0 then
        denied = true
      end
    end
  end
end

if not denied and not looking then
  local lease = ms + 30000
  if reserving then
    for g = 1, groups do
      local group = G[g]
      if group.rkey then
        local rec, untl = {''}, lease
        for i = group.first, group.last do
          local c = checks[i]
          if not (c.over and c.f % WIDE >= SHADOW) then
            rec[#rec + 1] = pack('<I6BI7I7', c.id, c.kind, c.kind == HELD and 0 or c.a, c.w)
            untl = max(untl, c.untl)
          end
        end
        rec[1] = pack('<I6I6', lease, untl)
        if call('HSETNX', group.rkey, ARGV[2], table.concat(rec)) == 0 then
          for o = 1, g - 1 do
            if G[o].rkey then
              call('HDEL', G[o].rkey, ARGV[2])
            end
          end
          return pack('<c1I7', 'X', now)
        end
      end
    end
  end
  for g = 1, groups do
    local group = G[g]
    for i = group.first, group.last do
      local c = checks[i]
      if not (c.over and c.f % WIDE >= SHADOW) then
        add(c, c.w)
      end
      if c.kind == HELD then
        c.a, c.untl = c.found and min(c.a, lease) or lease, lease
      end
    end
    local ttl = store(group.key, checks, group.first, group.last, group.rest, group.longest)
    if group.rkey then
      call('PEXPIRE', group.rkey, max(ttl, 30000 + slack))
    end
  end
end

local out = {pack('<c1I7', denied and 'D' or 'A', now)}
for i = 1, n do
  local c = checks[i]
  local r = pack('<BI7I7I7', c.over and 1 or 0, used(c), frees(c, c.over and c.w), c.a)
  if c.kver then
    r = r .. state(c, not denied and not looking)
  end
  if looking then
    local held = 0
    local rkey
    for g = 1, groups do
      if G[g].first <= i and i <= G[g].last then
        rkey = G[g].rkey
      end
    end
    if rkey and not telling then
      held = reserved(rkey, c)
    end
    r = r .. pack('<I7', min(held, used(c)))
  end
  out[i + 1] = r
end
return table.concat(out)
