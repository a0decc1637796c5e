-- Decides like decide.lua, about checks of which none is hard and which reserve
-- nothing: nearly all decisions are like that, so this is written to be fast. It
-- defines no functions, makes no tables and has one pass, which counts; only if that
-- comes to a denial is there another one, which tells. KEYS: the counters of each
-- group of checks. ARGV: what is asked.
local unpack, pack, sub, floor, ceil = struct.unpack, struct.pack, string.sub, math.floor, math.ceil
local call, args = redis.call, ARGV[1]
local _, now, groups, begin = unpack('<BI7B', args)
local slack = 600000
if now == 0 then
  local t = call('TIME')
  now, slack = t[1] * 1000000 + t[2], 10000
end
local denied, answer, todo = false
for pass = 1, 2 do
  local at, count = begin
  answer = denied and 'd' or 'a'
  for g = 1, groups do
    count, _, at = unpack('<BB', args, at)
    local key = KEYS[g]
    local v = call('GET', key)
    if not v or sub(v, 1, 1) ~= '\1' then
      v = ''
    end
    local p, keep, longest, value = 2, v ~= '', 0, '\1'
    for i = 1, count do
      local id, kind, f, w, cap, len, lim
      id, kind, f, w, cap, len, lim, at = unpack('<I6BBi8I7I6I7', args, at)
      local untl, ver, a, b, cells, before = 0, 0, 0, 0, '', 0
      if p <= #v then
        local h, n, q
        h, untl, ver, a, b, n, q = unpack('<I6I6I6I7I7I2', v, p)
        if h == id then
          p = q + n
          if n > 0 then
            cells = sub(v, q, p - 1)
          end
        else -- asked in another order: take it out from where it is
          untl, ver, a, b = 0, 0, 0, 0
          local s = p
          while s <= #v do
            local u, r, x, y
            h, u, r, x, y, n, q = unpack('<I6I6I6I7I7I2', v, s)
            if h == id then
              untl, ver, a, b, cells = u, r, x, y, sub(v, q, q + n - 1)
              v = sub(v, 1, s - 1) .. sub(v, q + n)
              break
            end
            s = q + n
          end
        end
        before = untl
      end
      local over, used, frees = false, 0, 0
      local counting = pass == 1
      if kind == 0 then -- sliding
        local cur, size, cell, most = floor(now / len), 4, '<I4', 4294967295
        if f >= 4 then
          size, cell, most = 8, '<I8', 9007199254740991
        end
        if a > cur then
          if a * len - now <= len * 60 then
            cur = a
          else
            cells, b = '', 0
          end
        elseif a < cur and b > 0 then
          local d = cur - a
          if d > 60 then
            cells, b = '', 0
          else
            local total, n = #cells / size, 0
            local drops = total + d - 61
            while n < total do
              local c = unpack(cell, cells, n * size + 1)
              if n >= drops and c > 0 then
                break
              end
              b, n = b - c, n + 1
            end
            if n == total then
              cells, b = '', 0
            else
              cells = sub(cells, n * size + 1) .. string.rep('\0', d * size)
            end
          end
        end
        if w > 0 and b + w > cap then
          over = true
          counting = counting and f % 4 == 1
        end
        a, untl = cur, ceil((cur + 61) * len / 1000)
        if counting and w > 0 then
          if b == 0 then
            b = w < most and w or most
            cells = pack(cell, b)
          else
            local c = unpack(cell, cells, #cells - size + 1)
            local n = c + w
            if n > most then
              n = most
            end
            if n - c > 9007199254740991 - b then
              n = c + (9007199254740991 - b)
            end
            b = b + (n - c)
            cells = sub(cells, 1, -size - 1) .. pack(cell, n)
          end
        end
        used = b
        if over and w <= cap then
          local part, need, q = cur - #cells / size + 1, b + w - cap, 1
          while q <= #cells do
            local c
            c, q = unpack(cell, cells, q)
            need = need - c
            if need <= 0 then
              break
            end
            part = part + 1
          end
          frees = (part + 61) * len - now
        elseif b > 0 then
          frees = (cur - #cells / size + 62) * len - now
        end
      elseif kind == 3 then -- bucket
        local ms = floor(now / 1000)
        if a > ms then
          if a - ms <= len then
            ms = a
          else
            b = 0
          end
        else
          b = b - (ms - a) * lim
          if b < 0 then
            b = 0
          end
        end
        a = ms
        if w > 0 and b + w * len > cap * len then
          over = true
          counting = counting and f % 4 == 1
        end
        if counting and w > 0 then
          b = b + w * len
          if b > 9007199254740991 then
            b = 9007199254740991
          end
        end
        untl = ms + ceil(b / lim) + 1
        used = ceil(b / len)
        if over then
          frees = (ms + ceil((b + w * len - cap * len) / lim)) * 1000 - now
          if w > cap then
            frees = 0
          end
        elseif b > 0 then
          frees = (ms + ceil((b - (used - 1) * len) / lim)) * 1000 - now
        end
      else -- fixed, calendar
        local start, stop
        if kind == 1 then
          start = now - now % len
          if a > start and a - now <= len then
            start = a
          end
          stop = start + len
        else
          local s1, s2, s3, s4
          s1, s2, s3, s4, at = unpack('<I7I7I7I7', args, at)
          if now < s2 then
            start, stop = s1, s2
          elseif now < s3 then
            start, stop = s2, s3
          else
            start, stop = s3, s4
          end
          if now < start or now >= stop then
            return pack('<c1I7', 'T', now)
          end
          if a > start and a - now <= untl * 1000 - a then
            start, stop = a, untl * 1000
          end
        end
        if a ~= start then
          a, b = start, 0
        end
        untl = ceil(stop / 1000)
        if w > 0 and b + w > cap then
          over = true
          counting = counting and f % 4 == 1
        end
        if counting then
          b = b + w
          if b > 9007199254740991 then
            b = 9007199254740991
          end
        end
        used = b
        if over or b > 0 then
          frees = stop - now
        end
      end
      if over and f % 4 == 0 then
        denied = true
      end
      answer = answer .. pack('<BI7I7I7', over and 1 or 0, used, frees, a)
      if pass == 1 then
        ver = ver == 0 and floor(now / 1000) or ver + 1
        value = value .. pack('<I6I6I6I7I7I2', id, untl, ver, a, b, #cells) .. cells
        if untl ~= before then
          keep = false
        end
        if untl > longest then
          longest = untl
        end
      end
    end
    if pass == 1 and not denied then
      if p <= #v then
        value = value .. sub(v, p)
        while p <= #v do
          local h, u, r, x, y, n, q = unpack('<I6I6I6I7I7I2', v, p)
          if u > longest then
            longest = u
          end
          p = q + n
        end
      end
      local ttl = longest - floor(now / 1000) + slack
      if groups > 1 then
        todo = todo or {}
        todo[g * 3 - 2], todo[g * 3 - 1], todo[g * 3] = key, value, not keep and ttl
      elseif keep then
        call('SET', key, value, 'KEEPTTL')
      else
        call('SET', key, value, 'PX', ttl)
      end
    end
  end
  if not denied or pass == 2 then
    break
  end
end
if not denied and todo then
  for n = 1, #todo, 3 do
    if todo[n + 2] then
      call('SET', todo[n], todo[n + 1], 'PX', todo[n + 2])
    else
      call('SET', todo[n], todo[n + 1], 'KEEPTTL')
    end
  end
end
return answer
