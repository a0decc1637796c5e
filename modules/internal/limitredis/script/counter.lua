-- What all scripts share: the state of a counter, how it is kept and how it forgets.
--
-- All counters of a key are one string: a byte with the version of the format, then
-- for each counter an entry and, for a sliding window, its cells:
--   id     6 bytes of the hash of Rule.ID
--   untl   ms: when the entry has passed
--   ver    grows with each change
--   a, b   sliding: newest part, sum        fixed, calendar: start in us, used
--          bucket: last ms, debt            held: ms of the next look at leases, sum
--   size   of the cells that follow, oldest first, the last being part a
-- Numbers are little-endian and never above 2^53, times are of Redis's clock.
local list = unpack
local unpack, pack, sub, rep = struct.unpack, struct.pack, string.sub, string.rep
local floor, ceil, max, min = math.floor, math.ceil, math.max, math.min
local call = redis.call
local MAX = 9007199254740991
local ENTRY = '<I6I6I6I7I7I2'
local SLIDING, FIXED, CALENDAR, BUCKET, HELD = 0, 1, 2, 3, 4
local SOFT, SHADOW, WIDE, KNOWN = 1, 2, 4, 8

local args, at = ARGV[1], 1
local flags, now, groups
flags, now, groups, at = unpack('<BI7B', args, at)
local slack = 600000 -- of the time to live, if the clock is not Redis's own
if now == 0 then
  local t = call('TIME')
  now, slack = t[1] * 1000000 + t[2], 10000
end

-- check reads the next counter that the caller asks about.
local function check()
  local c = {a = 0, b = 0, ver = 0, untl = 0, cells = ''}
  local f
  c.id, c.kind, f, c.w, c.cap, c.len, c.lim, at = unpack('<I6BBi8I7I6I7', args, at)
  c.f = f
  if c.kind == CALENDAR then
    local s = {}
    s[1], s[2], s[3], s[4], at = unpack('<I7I7I7I7', args, at)
    c.spans = s
  end
  if f >= KNOWN then
    c.kver, c.ka, c.kb, at = unpack('<I6I7I7', args, at)
  end
  if f % KNOWN >= WIDE then
    c.cell, c.size, c.most = '<I8', 8, MAX
  else
    c.cell, c.size, c.most = '<I4', 4, 4294967295
  end
  return c
end

-- load fills the states of checks from the value of their key, and returns the
-- entries that nobody asked about and that have not passed, and when they will have.
local function load(v, checks, first, last)
  if not v or string.byte(v) ~= 1 then
    return '', 0
  end
  local p, size, q, id, untl = 2
  local n = first
  while n <= last and p <= #v do -- they are in the order of the last decision
    local c = checks[n]
    id, untl, c.ver, c.a, c.b, size, q = unpack(ENTRY, v, p)
    if id ~= c.id then
      c.ver, c.a, c.b = 0, 0, 0
      break
    end
    c.found, c.untl = true, untl
    p = q + size
    if size > 0 then
      c.cells = sub(v, q, p - 1)
    end
    n = n + 1
  end
  if p > #v then
    return '', 0
  end
  local asked = {}
  for i = n, last do
    asked[checks[i].id] = checks[i]
  end
  local rest, longest = '', 0
  while p <= #v do
    local ver, a, b
    id, untl, ver, a, b, size, q = unpack(ENTRY, v, p)
    local c = asked[id]
    if c then
      c.found, c.untl, c.ver, c.a, c.b = true, untl, ver, a, b
      c.cells = sub(v, q, q + size - 1)
    elseif (untl + slack) * 1000 > now then
      rest, longest = rest .. sub(v, p, q + size - 1), max(longest, untl)
    end
    p = q + size
  end
  return rest, longest
end

-- within says whether what was counted in slot is in the window.
local function within(c, slot)
  if c.kind == SLIDING then
    return slot <= c.a and c.a - slot <= 60
  elseif c.kind == BUCKET then
    return c.a - slot < c.len
  end
  return c.kind == HELD or slot == c.a
end

-- reserved returns what unsettled reservations of a key hold of a counter, and when
-- the first of their leases ends.
local function reserved(rkey, c)
  local sum, first, ms = 0, MAX, floor(now / 1000)
  local all = call('HGETALL', rkey)
  for i = 2, #all, 2 do
    local rec = all[i]
    local lease = unpack('<I6', rec)
    if lease > ms then
      for p = 13, #rec, 21 do
        local id, _, slot, w = unpack('<I6BI7I7', rec, p)
        if id == c.id and within(c, slot) then
          sum, first = sum + w, min(first, lease)
        end
      end
    end
  end
  return sum, first
end

-- drop takes cells away: drops of them, and those after them that hold nothing.
local function drop(c, drops)
  local cells, size, cell, n = c.cells, c.size, c.cell, 0
  local total = #cells / size
  while n < total do
    local v = unpack(cell, cells, n * size + 1)
    if n >= drops and v > 0 then
      break
    end
    c.b, n = c.b - v, n + 1
  end
  if n == total then
    c.cells, c.b = '', 0
  elseif n > 0 then
    c.cells = sub(cells, n * size + 1)
  end
end

-- forward lets parts of a sliding window pass until cur is the newest one.
local function forward(c, cur)
  local d = cur - c.a
  if d > 0 and c.cells ~= '' then
    if d > 60 then
      c.cells, c.b = '', 0
    else
      c.cells = c.cells .. rep('\0', d * c.size)
      drop(c, #c.cells / c.size - 61)
    end
  end
end

-- advance brings the state of a counter to the present. A counter that has seen a
-- later time goes on with that, unless it is later by more than the window's length:
-- then it starts afresh. It returns false if the spans it was told do not fit.
local function advance(c, rkey)
  local kind, a, b = c.kind, c.a, c.b
  c.kepta, c.keptb = a, b
  local t = now
  if kind == SLIDING then
    local part = c.len
    local cur = floor(t / part)
    if a > cur then
      if a * part - t <= part * 60 then
        cur = a
      else
        c.cells, c.b = '', 0
      end
    else
      forward(c, cur)
    end
    c.a, c.untl = cur, ceil((cur + 61) * part / 1000)
  elseif kind == FIXED then
    local len = c.len
    local start = t - t % len
    if a > start and a - t <= len then
      start = a
    elseif a ~= start then
      c.b = 0
    end
    c.a, c.stop, c.untl = start, start + len, ceil((start + len) / 1000)
  elseif kind == CALENDAR then
    local s, start, stop = c.spans
    for i = 1, 3 do
      if t >= s[i] and t < s[i + 1] then
        start, stop = s[i], s[i + 1]
      end
    end
    if not start then
      return false
    end
    if a > start and a - t <= c.untl * 1000 - a then
      start, stop = a, c.untl * 1000
    elseif a ~= start then
      c.b = 0
    end
    c.a, c.stop, c.untl = start, stop, ceil(stop / 1000)
  elseif kind == BUCKET then
    local ms = floor(t / 1000)
    if a > ms then
      if a - ms <= c.len then
        ms = a
      else
        c.b = 0
      end
    else
      c.b = max(0, b - (ms - a) * c.lim)
    end
    c.a = ms
  elseif c.found and floor(t / 1000) >= a then
    c.b, c.a = reserved(rkey, c)
  end
  return true
end

-- learn takes over what a gateway knows of a counter, if Redis has forgotten it.
local function learn(c)
  local ver, a, b, kind = c.kver, c.ka, c.kb, c.kind
  if not ver or ver <= c.ver then
    return
  end
  c.ver = ver
  if not c.found then
    c.found, c.a, c.b, c.untl = true, a, b, 0
    if kind == SLIDING and b > 0 then
      c.cells = pack(c.cell, b)
    elseif kind == CALENDAR then
      for i = 1, 3 do
        if c.spans[i] == a then
          c.untl = c.spans[i + 1] / 1000
        end
      end
    end
    return
  end
  if kind == FIXED or kind == CALENDAR then
    if a > c.a then
      c.a, c.b = a, b
    elseif a == c.a then
      c.b = max(b, c.b)
    end
    return
  end
  -- What is stored may be an old copy that holds as much, but of a time before: both
  -- are brought to the later time, and the larger one is counted there.
  local last = max(a, c.a)
  if kind == BUCKET then
    c.b = max(0, c.b - (last - c.a) * c.lim, b - (last - a) * c.lim)
  elseif last - a <= 60 then
    forward(c, last)
    c.b = max(b, c.b)
    c.cells = c.b > 0 and pack(c.cell, c.b) or ''
  end
  c.a = last
end

-- change gives the state a new version. Versions of a counter that is made anew are
-- above those of the one that has passed: nothing changes each millisecond.
local function change(c)
  if c.ver == 0 then
    c.ver = floor(now / 1000)
  else
    c.ver = c.ver + 1
  end
end

-- add counts w, which may be negative, in the present.
local function add(c, w)
  local kind, b = c.kind, c.b
  if w ~= 0 or c.ver == 0 then
    change(c)
  end
  if kind == SLIDING then
    local cells, size = c.cells, c.size
    if cells == '' then
      c.b = max(0, min(w, c.most))
      if c.b > 0 then
        c.cells = pack(c.cell, c.b)
      end
      return
    end
    local v = unpack(c.cell, cells, #cells - size + 1)
    local n = max(0, min(v + w, c.most, v + (MAX - b)))
    c.b = b + (n - v)
    c.cells = sub(cells, 1, -size - 1) .. pack(c.cell, n)
    if n == 0 then
      drop(c, 0)
    end
  elseif kind == BUCKET then
    b = max(0, min(MAX, b + w * c.len))
    c.b, c.untl = b, c.a + ceil(b / c.lim) + 1
  else
    c.b = max(0, min(MAX, b + w))
  end
end

-- used is what the window holds.
local function used(c)
  if c.kind == BUCKET then
    return ceil(c.b / c.len)
  end
  return c.b
end

-- frees returns how long until something is free again, in microseconds: enough for
-- w, or anything if that is nil.
local function frees(c, w)
  local kind, b = c.kind, c.b
  if kind == HELD or not w and b == 0 then
    return 0
  elseif kind == SLIDING then
    local part, size, cells = c.len, c.size, c.cells
    local n = #cells / size
    local i = c.a - n + 1
    if w then
      local need, p = b + w - c.cap, 1
      while p <= #cells do
        local v
        v, p = unpack(c.cell, cells, p)
        need = need - v
        if need <= 0 then
          break
        end
        i = i + 1
      end
    end
    return (i + 61) * part - now
  elseif kind == BUCKET then
    local debt
    if w then
      debt = b + w * c.len - c.cap * c.len
    else
      debt = b - (ceil(b / c.len) - 1) * c.len
    end
    return (c.a + ceil(debt / c.lim)) * 1000 - now
  end
  return c.stop - now
end

-- state is what a gateway is to know of a counter: as it was stored, so that what it
-- knows does not last longer than what is stored.
local function state(c, stored)
  if stored then
    return pack('<I6I7I7', c.ver, c.a, c.b)
  end
  return pack('<I6I7I7', c.ver, c.kepta, c.keptb)
end

-- store keeps the states of checks.
local function store(key, checks, first, last, rest, longest)
  local out, n = {'\1'}, 1
  for i = first, last do
    local c = checks[i]
    out[n + 1] = pack(ENTRY, c.id, c.untl, c.ver, c.a, c.b, #c.cells)
    out[n + 2] = c.cells
    n = n + 2
    longest = max(longest, c.untl)
  end
  out[n + 1] = rest
  local ttl = max(1, longest - floor(now / 1000)) + slack
  call('SET', key, table.concat(out), 'PX', ttl)
  return ttl
end
