-- Sends the lines of a file, one after the other, as bodies: requests.lua FILE CONTENT-TYPE MILLISECONDS
-- A connection waits about so long between an answer and its next request.
local bodies, turn, pause = {}, 0, 0

function init(args)
  for line in io.lines(args[1]) do bodies[#bodies + 1] = line end
  pause = tonumber(args[3])
  if pause > 0 then
    -- wrk asks for a delay only where there is such a function. Not all at once: between none and twice the pause.
    delay = function() return math.random(0, 2 * pause) end
  end
  wrk.method = "POST"
  wrk.headers["Content-Type"] = args[2]
end

function request()
  turn = turn % #bodies + 1
  return wrk.format(nil, nil, nil, bodies[turn])
end
