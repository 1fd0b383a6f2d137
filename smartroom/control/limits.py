"""Every limit, timeout and queue bound of the control process, each with its reason."""

from __future__ import annotations

# -- room and scenes --

READ_DEADLINE_S = 3.0
"""A fresh read for a plan; longer than the slowest family's reply timeout (PJLink 3 s) would only repeat its failure."""

SCENE_TIMEOUT_S = 60.0
"""A scene that names no timeout: a cold projector needs 30-40 s."""

SCENE_TIMEOUT_MAX_S = 900.0
"""Nobody waits longer than a quarter of an hour for a room."""

EXPRESSION_LENGTH = 400
"""Characters of one condition: what a person takes in at one look."""

EXPRESSION_NESTING = 12
"""Brackets inside brackets; deeper ones cost the parser's stack and nobody reads them."""

EXPRESSION_PARTS = 1500
"""Nodes of a condition's syntax tree (each value has about twelve): with no loops in the language this bounds its time."""

SCENE_STEPS = 100
"""Steps of one scene with those of nested scenes: above it a rundown tells more and stops sooner."""

RAMP_MAX_S = 120.0
"""A fader that moves longer is a cue, not a step."""

RAMP_INTERVAL_S = 0.1
"""Ten values a second look and sound even; a slower device gets fewer."""

STEP_LOOK_S = 1.0
"""A condition that asks for the time is looked at again at least this often."""

REHEARSAL_READY_S = 20.0
"""Simulators answer within a second; one that was told to be silent never will."""

REHEARSAL_LIFE_S = 14_400.0
"""A rehearsal that nobody ends is over after four hours: the room is not to be found in it the next morning."""

REHEARSALS = 4
"""Rehearsals on the pages at one time, of different rooms: each costs what a room costs, and its simulators."""

REHEARSAL_PATIENCE_S = 120.0
"""A cue that has no result by then has none; a lamp needs forty seconds."""

RUNDOWN_CUES = 200
"""Cues of one rundown: a day's programme, and what one operator can follow."""

CUE_TIME_MAX_S = 43_200.0
"""A cue that is planned to stand longer than half a day is a typing error."""

CUE_HOLD_MAX_S = 10.0
"""Nobody holds a button longer while guests watch."""

CUE_ARMED_S = 5.0
"""After its time a held button must be let go within this, or it is taken for stuck."""

CUE_LOG = 500
"""Firings and skippings kept of one opening; above it the oldest are forgotten."""

CUE_PROGRESS_S = 0.3
"""How often operators see how many properties of a cue were read back."""

CUE_KEPT_S = 1.0
"""Longest a cue waits until it is on disk that it was fired; then it is fired all the same, and the log says so."""

SEND_ATTEMPTS = 3
"""A device that acknowledges and keeps its state is asked three times, then it has failed (fault matrix: "device lies")."""

RETRY_PAUSE_S = 0.2
"""Between attempts, doubled each time: a device that has just refused needs a moment."""

VERIFY_FIRST_S = 0.02
"""First pause between two read-backs; grows by half each time up to VERIFY_MAX_S."""

VERIFY_MAX_S = 1.0
"""A moving head or a warming lamp is asked once a second at most."""

BLAME_S = 5.0
"""So long after a command a change may still be its doing: the slowest families are polled this often."""

RELAY_SWITCHINGS = 12
"""Changes a minute of one relay that a room's file does not limit otherwise: a person who tries a light stays below, a loop does not."""

COLLECT_S = 60.0
"""Full garbage collections, in quiet moments: minutes of a busy room leave little behind."""
COLLECT_LATEST_S = 600.0
"""And so much later at the latest, where no moment is quiet."""
COLLECT_YOUNG = 5_000
"""New objects that are worth a collection of their own in a quiet moment: some 3 ms."""
COLLECT_YOUNG_LATEST = 200_000
"""And in any moment: some 30 MB, were all of it garbage."""

PROGRESS_S = 0.03
"""Steps of a run are shown together this often: three times as often as pages get them."""

PATCH_HISTORY = 1024
"""Patches kept for clients that come back: some minutes of a busy room."""

PLAN_LIFE_S = 28_800.0
"""A plan kept in a file: a working day. What was planned yesterday is looked at again today."""

PLAN_MEMORY = 32
"""Plans a page was shown that it may still ask to be applied, per room."""

PLAN_BYTES = 262_144
"""A plan sent back as a document; one of a hundred properties has 60 kB."""

PRESS_MEMORY = 4096
"""Press ids remembered per room; a day of hard use, so that a repeated press changes nothing."""

RUN_HISTORY = 200
"""Finished runs that can still be waited for by id."""

RECORD_QUEUE = 512
"""Writes to the records that may wait; above it the oldest is dropped and counted: a room does not stop for its diary."""

SNAPSHOT_S = 1.0
"""Longest a run waits for its snapshot to be on disk; a synced write takes milliseconds."""

LOG_HELD_S = 1.0
"""Events wait this long for one another before they are hashed, written and synced: no scene waits for its log, and no disk is worn out by it."""

LOG_TURN_S = 15.0
"""How often it is looked whether the day is over or the page full."""

LOG_RECORD_EVENTS = 100
"""Events of one record at most: written down within a millisecond or two, so that nothing waits for it."""

LOG_PAGE_EVENTS = 5000
"""Events of one page: read in a fifth of a second at a start, and few enough to keep its entries in memory."""

LOG_PAGES_PER_ANSWER = 20
"""Pages one question looks through: some weeks of an ordinary room; older ones are asked for again."""

FILE_POLL_S = 1.0
"""How soon a saved file is noticed."""

RESTART_LIMIT = 3
"""A device task may fail this often ..."""

RESTART_WINDOW_S = 30.0
"""... within this time; then it is parked as degraded."""

PARKED_S = 60.0
"""A parked device is tried again after this."""

TRACE_LENGTH = 400
"""Frames kept per device for a technician: two minutes of polling."""

TRACE_BYTES = 128
"""Bytes of one frame that a trace shows; no command of a family is longer."""

TRACE_ROUND_TRIPS = 100
"""Round trips that median and p95 are taken from."""

BENCH_INTERVAL_S = 0.5
"""Health of devices reaches a technician's page this often; wire traces go with PATCH_INTERVAL_S."""

BENCH_LINES = 100
"""Lines of a trace or the log in one message: below what a page's outbox holds."""

LOG_LENGTH = 500
"""Lines of the server's log a technician can read back; the file or journal keeps the rest."""

LOG_LINE = 4000
"""Characters of one line: a traceback's end matters most, and no device may fill the memory."""

SIMULATOR_S = 3.0
"""A simulator's console answers at once; on a busy machine within this."""

STOP_S = 5.0
"""Each stage of stopping; who is late is named in the log."""

# -- walls --

WALL_LEAD_S = 0.25
"""How far ahead walls are told to change: a message over a busy Wi-Fi and a picture unpacked, and no host notices."""

WALL_LEAD_MIN_S = 0.12
"""A wall that joins a change already agreed on needs at least this."""

WALL_PAINT_S = 3.0
"""After the agreed moment a page may still fetch a picture or a component; then the order has failed."""

WALL_BACK_S = 2.0
"""A page whose road broke in mid-order is back after one; whoever waits longer waits for a wall that is off."""

WALL_FRESH_S = 0.5
"""What a page painted this short a time ago is not asked for again."""

WALL_ANSWER_S = 1.5
"""A page that does not say what it shows within this is slow or hung."""

WALL_HEARTBEAT_S = 2.0
"""How often a wall's page says what it shows; pages have the same figure."""

WALL_SILENT_S = 6.0
"""Pages report every two seconds; after three missed reports the wall is offline and its page is cut."""

WALL_REPORTS_PER_S = 10.0
"""Of one page: slides that turn, and the heartbeat."""

WALL_REPORTS_BURST = 60.0
"""A page that comes back measures the clock a few times at once."""

WALL_PICTURE_BYTES = 128 * 1024
"""A small picture of a wall's glass: 480 x 270 needs a quarter of this."""

WALL_PICTURE_S = 2.0
"""A picture this young is not asked for again, and this long is waited for a new one: drawing it costs the wall's computer a tenth of a second."""

WALL_NUMBER_S = 10.0
"""How long `tunjukkan nama layar` stands on the glass: time to walk along the walls."""

PICTURE_BYTES = 10_000_000
"""One upload: a 4K photograph; a camera's raw file is not for a wall."""

PICTURES_PER_ROOM = 500
"""Uploads kept per room: 5 GB at the worst, a year of meetings at the usual 400 kB."""

PICTURE_UPLOAD_S = 60.0
"""Ten megabytes over the worst Wi-Fi."""

PICTURES_AT_ONCE = 2
"""Uploads held in memory and unpacked at one time."""

FRAME_CHECK_S = 5.0
"""Another site that does not answer by then would keep the whole scene waiting."""

# -- meetings --

SEAT_GRACE_S = 60.0
"""A connection lost for less than this loses nothing: a phone changes from Wi-Fi to mobile data within half of it."""

HOST_AWAY_S = 60.0
"""Without a host for this long, a co-host stands in."""

SEATS_LIMIT = 90
"""People of one meeting: two connections each, and a media worker takes two hundred."""

LOBBY_LIMIT = 300
"""People who wait; a list a host can still read."""

MEETINGS_PLANNED = 500
"""Planned meetings of one room: a year of two a day."""

MEETING_PIN_DIGITS = 6
"""A drawn PIN: with the slow-down of wrong tries the odds stay below one in ten thousand a day."""

PIN_TRIES = 20
"""Wrong PINs of one meeting, from everywhere: 20 in a million, then the host lets people in by hand."""

VIEW_EVERY_S = 0.25
"""A page that turns its tiles over says so this often."""

ECHO_LIFE_S = 60.0
"""A rehearsal: speak for ten seconds, hear it back, try another microphone."""

ECHOES = 20
"""Pages that rehearse at one time; a whole meeting does not come in the same minute."""

TURN_LIFE_S = 43_200
"""Life of somebody's credentials for the TURN server: a long day, for an allocation is refreshed with them as long as it stands."""

EARLY_S = 1800.0
"""A planned meeting may be opened by a scene this long before its start; earlier, another one is meant."""

OVERRUN_WARN_S = 300.0
"""Everybody is told that the next meeting of the room is near."""

PLANNED_SHOWN = 6
"""Planned meetings on a panel: a day's."""

PLANNED_SHOWN_S = 3600.0
"""One that nobody started stays on the panel for an hour after its end."""

ATTENDANCE_BEAT_S = 30.0
"""A server that dies knows to half a minute until when somebody was there."""

MEETING_TICK_S = 1.0
"""How often seats, hosts and ends are looked at."""

MEETING_RESTORE_S = 5.0
"""Whoever starts a meeting in the first moment of the server waits so long for the meetings that are still to come back."""

MEDIA_READY_S = 10.0
"""How long an offer waits for a media worker that is being started."""

MEDIA_RETRY_S = 1.0
"""Between two tries to find a worker for a meeting."""

MEDIA_ORDERS = 1024
"""Orders to the media worker that may wait; mute-all of ninety people is ninety."""

CHAT_LINES = 500
"""Lines of chat kept for who comes late."""

CHAT_PER_S = 0.5
"""Lines of one person: thirty a minute."""

CHAT_BURST = 6.0
"""A thought sent in pieces."""

CHAT_PAGE = 50
"""Lines of one answer: below what a page's outbox holds, whatever was written."""

# -- people --

PASSWORD_MIN = 12
"""Both profiles of the tender (BSSN 4/2021 and ASVS 5.0) ask for at least twelve."""

HASHES_AT_ONCE = 2
"""Password hashing is 19 MiB and 40 ms each: more at once is an attack's work."""

HASHES_WAITING = 16
"""Sign-ins that may wait for a hash; the next is told to come back."""

LOGIN_FREE_TRIES = 3
"""Wrong tries per account and source before each next one waits 1, 2, 4 ... s."""

LOGIN_SOURCE_TRIES = 20
"""The same per source over all accounts: a building behind one address still signs in."""

LOGIN_DELAY_MAX_S = 30.0
"""The longest wait between tries: a person who forgot is not locked out."""

LOGIN_MEMORY = 4096
"""Pairs of account and source remembered; the oldest is forgotten."""

LOGIN_MEMORY_S = 900.0
"""A wrong try is forgotten after a quarter of an hour of silence."""

SESSION_IDLE_S = 1800.0
"""Half an hour without a press or request ends a person's session."""

SESSION_LIFE_S = 43_200.0
"""A working day: then sign in again."""

SESSIONS_PER_USER = 8
"""Browsers of one person; the oldest ends."""

DEVICE_TOKEN_IDLE_S = 7_776_000.0
"""A paired screen that stays away for 90 days is paired anew."""

TOKEN_MISSES_PER_S = 20.0
"""Unknown tokens looked up in the records; the rest is refused unread."""

PAIRING_LIFE_S = 600.0
"""Ten minutes to carry a link from the console to the tablet."""

DERIVED_LIFE_S = 3600.0
"""A script that needs more than an hour is a program: it gets a token of its own from an administrator."""

DERIVED_PER_AUTHOR = 16
"""Scripts somebody runs at one time."""

SETUP_LIFE_S = 1800.0
"""Half an hour to make the first administrator; a restart gives a new code."""

SETUP_TRIES = 50
"""Wrong set-up codes from everywhere: 50 of 2^34.6, then the code is void."""

PEOPLE_SWEEP_S = 30.0
"""How often ended sessions are removed and last uses written down."""

# -- ceremony --

REVEAL_LEAD_S = 1.5
"""From the decision to the unveiling: walls, lights and siren relays are told in time to begin together."""

STAGE_INTERVAL_S = 0.1
"""What stands on a stage reaches its pages at most ten times a second; ink does not wait for it."""

CEREMONIES_PER_ROOM = 2000
"""Kept per room: twenty years of two a week. Old ones are moved away by hand."""

ECHO_FRAMES = 1200
"""Painted batches of all walls that median and p95 of the ink's way are taken from."""

INK_PER_S = 240.0
"""Batches of a pad: one per report of a fast pen, so that no point waits for a frame."""

INK_BURST = 600.0
"""What a pad kept through five seconds without a network, frame by frame."""

JUDGES_AT_ONCE = 2
"""Strangers' files judged at one time: each may take 640 MiB and twenty seconds of a processor."""

JUDGE_PER_S = 0.2
"""Files of one address: somebody compares copies, nobody floods."""

JUDGE_BURST = 10.0
"""An office behind one address."""

SIGN_LINK_S = 900.0
"""A link to a signatory's phone: time to find one's glasses, not to lose the phone."""

SIGN_LINK_TRIES = 5
"""Requests to sign by one link; a service may lock a certificate after as many wrong passphrases."""

SIGN_RETRY_S = 10.0
"""A service that is down is asked again after this, then after twice as long, up to ..."""

SIGN_RETRY_MAX_S = 600.0
"""... ten minutes."""

RENEW_S = 31_536_000.0
"""A year: documents get a further timestamp before the authority's certificate, or its algorithm, grows old."""

AFTERCARE_S = 60.0
"""Ceremonies that have left the stage are looked at as often."""

AFTERCARE_RETRY_S = 3600.0
"""What could not be done for one of them is tried again after this: nobody waits on a stage."""

SEALING_PAUSE_S = 2.0
"""Before a sealing process that ended is started again: wrong settings do not mend themselves."""

SEALING_START_S = 5.0
"""A request waits this long for a process that is just being started."""

SEALING_STOP_S = 5.0
"""A request to a service may be under way; after this the process is ended."""

CONFINED_S = 40.0
"""Drawing or judging one file on a busy machine; its processor time is limited to 20 s by itself."""

# -- certificates --

ROOT_DAYS = 3650
"""The local root outlives the building's tablets: enrolling them again is the costly part."""

LEAF_DAYS = 90
"""A stolen key is worth a quarter of a year."""

LEAF_RENEW_DAYS = 30
"""Renewed at the first start within this of its end."""

# -- records --

RECORDS_TIMEOUT_S = 2.0
"""A lock held elsewhere or a dying disk: the caller hears of it, the room goes on."""

AUDIT_QUEUE = 1000
"""Audit rows that may wait for the disk; above it a row is dropped, counted and named in /readyz."""

AUDIT_BATCH = 100
"""Rows of one transaction: each commit is an fsync."""

AUDIT_PAGE = 500
"""Rows of one answer."""

# -- the web --

REQUEST_HEAD_S = 5.0
"""From the connection (or the last answer) to a complete request head; the library's own limit is an hour."""

REQUEST_BODY_S = 10.0
"""A body of 64 KiB over the worst Wi-Fi."""

RESPONSE_S = 30.0
"""A client that does not read its answer is cut."""

BODY_LIMIT = 65_536
"""Bytes of a request: no press is longer."""

JSON_DEPTH = 32
"""Nesting of anything a stranger sends."""

REQUESTS_PER_S = 50.0
"""API requests of one actor; a program that recalls scenes one after the other stays below it."""

REQUESTS_BURST = 200.0
"""A program that reads a whole house at its start."""

STRANGERS_PER_S = 20.0
"""API requests of one address that proves nothing; built files are in memory and are not counted."""

STRANGERS_BURST = 60.0
"""A classroom behind one address that signs in together."""

WAITING_APPLIES = 32
"""Requests with wait=true at one time; each holds a connection for up to a scene's timeout."""

PRESS_LIFE_S = 5.0
"""A press older than this is refused: a projector that starts ten minutes late is worse than a refused tap."""

SOCKET_FRAME = 65_536
"""Bytes of one message from a page."""

SOCKET_PING_S = 4.0
"""With SOCKET_PONG_S below the 8 s in which a page must show its banner."""

SOCKET_PONG_S = 3.0
"""Silence after a ping that means the link is gone."""

SOCKET_AUTH_S = 5.0
"""A socket that has not said who it is by then is closed."""

SOCKETS_UNKNOWN = 1024
"""Sockets that have not said who they are; every panel of a building comes back at once after a power cut."""

SOCKET_OUTBOX = 262_144
"""Bytes held for one page; above it the page is cut and gets a snapshot when it returns."""

SOCKET_READY = 8_192
"""Bytes under way to a page below which the next patch may follow; above it changes are merged until it has caught up."""

SOCKET_STALL_S = 4.0
"""A page that has not taken a byte for this long is cut; noticed and done within 5 s."""

SOCKET_KERNEL = 65_536
"""Bytes the kernel may hold for one page; left alone it takes megabytes and hides a page that does not read."""

SOCKET_OFFENCES = 3
"""Broken messages from one socket; the third cuts it."""

SOCKETS_PER_SCREEN = 8
"""Pages of one paired tablet or wall."""

SOCKETS_PER_GUEST_ADDRESS = 400
"""Guests of meetings behind one address: a whole town hall, its lobby included."""

SOCKETS_PER_PERSON = 64
"""Pages of one account: a technician's desk has many."""

SOCKETS_PER_ROOM = 4000
"""More pages than that belong to more servers."""

PRESSES_PER_S = 20.0
"""Per page: twenty fingers."""

PRESSES_BURST = 60.0
"""A slider dragged on a slow tablet."""

PRESSES_AT_ONCE = 16
"""Of one page under way; a press beyond is answered `busy`."""

SAFETY_AT_ONCE = 8
"""Mute, blank and cancel have their own places, never behind other presses."""

PATCH_INTERVAL_S = 0.1
"""A room's changes reach a page at most ten times a second, merged."""

REVOKE_CHECK_S = 0.5
"""How often every socket's rights are looked at again: an ended session is cut within a second."""
