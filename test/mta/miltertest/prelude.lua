-- What the scripts of these tests are written with: an MTA that goes through the stages of its sessions and knows what
-- it has to be told at each.
--
-- What miltertest cannot do is left to the other tests: to speak without DATA, before the negotiation or after QUIT; to
-- send an empty set of macros; to let ABORT overtake an answer, since it waits for each; to tell the version that was
-- answered, the texts of replies before the end of a message, a changed sender, and the arguments of a recipient; to
-- read a new body of more than one frame.

-- Runs a script. miltertest makes nothing but its exit status of an error, so what went wrong is said here.
function run(script)
  mt.set_timeout(5)
  local done, reason = xpcall(script, function(problem)
    return debug.traceback('FAILED: ' .. tostring(problem), 2)
  end)
  if not done then
    mt.echo(reason)
    error('the script has failed')
  end
end

function fail(text)
  error(text, 0)
end

function equal(what, got, wanted)
  if got ~= wanted then
    fail(what .. ': ' .. tostring(got) .. ' instead of ' .. tostring(wanted))
  end
end

local REPLIES = {
  [SMFIR_CONTINUE] = 'continue',
  [SMFIR_ACCEPT] = 'accept',
  [SMFIR_REJECT] = 'reject',
  [SMFIR_TEMPFAIL] = 'tempfail',
  [SMFIR_DISCARD] = 'discard',
  [SMFIR_SKIP] = 'skip',
  [SMFIR_REPLYCODE] = 'replycode',
}

-- In the order of a session; UNKNOWN may come anywhere.
local ORDER = { 'connect', 'helo', 'mail', 'rcpt', 'data', 'header', 'eoh', 'body', 'eom' }
local PLACE = {}
for place, stage in ipairs(ORDER) do PLACE[stage] = place end

-- How each stage is sent, by which flags it is left out or goes unanswered, and the version that brought it. DATA came
-- with version 4, but miltertest sends it at every version, by itself if the script does not.
local STAGE = {
  connect = {
    send = function(conn, host, address)
      return mt.conninfo(conn, host or 'client.example', address or '192.0.2.25')
    end,
    no = SMFIP_NOCONNECT,
    nr = SMFIP_NR_CONN,
  },
  helo = {
    send = function(conn, name) return mt.helo(conn, name or 'client.example') end,
    no = SMFIP_NOHELO,
    nr = SMFIP_NR_HELO,
  },
  mail = {
    send = function(conn, address, ...) return mt.mailfrom(conn, address or '<alice@src.example>', ...) end,
    no = SMFIP_NOMAIL,
    nr = SMFIP_NR_MAIL,
  },
  rcpt = {
    send = function(conn, address, ...) return mt.rcptto(conn, address or '<bob@dst.example>', ...) end,
    no = SMFIP_NORCPT,
    nr = SMFIP_NR_RCPT,
  },
  data = { send = function(conn) return mt.data(conn) end, no = SMFIP_NODATA, nr = SMFIP_NR_DATA },
  header = {
    send = function(conn, name, value) return mt.header(conn, name or 'Subject', value or 'the subject') end,
    no = SMFIP_NOHDRS,
    nr = SMFIP_NR_HDR,
  },
  eoh = { send = function(conn) return mt.eoh(conn) end, no = SMFIP_NOEOH, nr = SMFIP_NR_EOH },
  body = {
    send = function(conn, text) return mt.bodystring(conn, text or 'The body.\r\n') end,
    no = SMFIP_NOBODY,
    nr = SMFIP_NR_BODY,
  },
  eom = { send = function(conn) return mt.eom(conn) end },
  unknown = {
    send = function(conn, line) return mt.unknown(conn, line or 'FOO bar') end,
    no = SMFIP_NOUNKNOWN,
    nr = SMFIP_NR_UNKN,
    since = 3,
  },
}

-- All that an MTA of that version has to offer.
OFFERS = {
  [2] = { version = 2, protocol = 0x7f, actions = 0x3f },
  [3] = { version = 3, protocol = 0x17f, actions = 0x3f },
  [4] = { version = 4, protocol = 0x37f, actions = 0x3f },
  [6] = { version = 6, protocol = 0x1fffff, actions = 0x1ff },
}

-- The filter must not answer more than the offer; of the bits that libmilter keeps for itself it may answer one of the
-- two that offer larger frames. No actions at all mean those of version 1.
local function within(conn, offer)
  local actions = offer.actions == 0 and 0x0f or offer.actions
  local sizes = 0x30000000
  local protocol = offer.protocol & (0x0fffffff | sizes)
  if mt.test_option(conn, 0x10000000) and mt.test_option(conn, 0x20000000) then fail('two sizes were agreed to') end
  for bit = 0, 31 do
    local flag = 1 << bit
    if mt.test_action(conn, flag) and actions & flag == 0 then fail(('action 0x%x was not offered'):format(flag)) end
    if mt.test_option(conn, flag) and protocol & flag == 0 then fail(('flag 0x%x was not offered'):format(flag)) end
  end
end

local Mta = {}
Mta.__index = Mta

-- Connects and makes an offer; gives the session, or nothing and a reason where the filter did not answer.
-- The manual has actions before protocol; miltertest takes them the other way round.
function negotiate(offer)
  local conn = mt.connect(sock)
  local problem = mt.negotiate(conn, offer.version, offer.protocol, offer.actions)
  if problem ~= nil then
    mt.disconnect(conn, false)
    return nil, problem
  end
  equal('the answer to the negotiation', mt.getreply(conn), string.byte('O'))
  within(conn, offer)
  return setmetatable({ conn = conn, version = offer.version, place = 1 }, Mta)
end

-- The same where the filter has to answer; of version 6 if nothing else is said.
function open(offer)
  local mta, problem = negotiate(offer or OFFERS[6])
  if mta == nil then fail('negotiation: ' .. problem) end
  return mta
end

-- Sends the event of a stage; gives the reply, 'silence' where none is to come, or 'unsent' where the event is not
-- wanted, or not known to that version.
function Mta:send(stage, ...)
  local how = STAGE[stage]
  self.place = stage == 'eom' and PLACE.mail or PLACE[stage] and PLACE[stage] + 1 or self.place
  if how.since and self.version < how.since then return 'unsent' end
  if how.no and mt.test_option(self.conn, how.no) then return 'unsent' end
  local problem = how.send(self.conn, ...)
  if problem ~= nil then fail(stage .. ': ' .. problem) end
  if how.nr and mt.test_option(self.conn, how.nr) then return 'silence' end
  return REPLIES[mt.getreply(self.conn)] or 'something else'
end

-- Sends the event of a stage, to which this is to come.
function Mta:expect(stage, wanted, ...)
  equal('answer to ' .. stage, self:send(stage, ...), wanted)
end

-- Sends an event that is not to be decided, whether it is waited for or not.
function Mta:pass(stage, ...)
  local reply = self:send(stage, ...)
  if reply ~= 'continue' and reply ~= 'silence' and reply ~= 'unsent' then
    fail('answer to ' .. stage .. ': ' .. reply .. ' instead of no decision')
  end
end

-- Passes all stages that come before that one.
function Mta:reach(stage)
  while self.place < PLACE[stage] do self:pass(ORDER[self.place]) end
end

-- Finishes the message, or sends a whole one, and expects that at its end.
function Mta:finish(wanted)
  self:reach('eom')
  self:expect('eom', wanted or 'continue')
end

-- The message is over, by a decision about it: the next thing about a message is MAIL.
function Mta:next_message()
  self.place = PLACE.mail
end

-- Cancels the message, if there is one.
function Mta:abort()
  equal('abort', mt.abort(self.conn), nil)
  self.place = math.min(self.place, PLACE.mail)
end

function Mta:macros(stage, ...)
  local LETTERS = {
    connect = 'C', helo = 'H', mail = 'M', rcpt = 'R', data = 'T', header = 'L', eoh = 'N', body = 'B', eom = 'E',
    unknown = 'U',
  }
  equal('macros of ' .. stage, mt.macro(self.conn, string.byte(LETTERS[stage]), ...), nil)
end

-- Checks that the end of the message came with that modification: what of miltertest's MT_..., and its details.
function Mta:asked(what, ...)
  if not mt.eom_check(self.conn, _G['MT_' .. what], ...) then
    fail('not asked for: ' .. what .. ' ' .. table.concat({ ... }, ' '))
  end
end

function Mta:not_asked(what, ...)
  if mt.eom_check(self.conn, _G['MT_' .. what], ...) then
    fail('asked for: ' .. what .. ' ' .. table.concat({ ... }, ' '))
  end
end

function Mta:close()
  mt.disconnect(self.conn)
end

-- Closes the connection without QUIT.
function Mta:hang_up()
  mt.disconnect(self.conn, false)
end
