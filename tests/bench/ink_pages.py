"""The pages of the bare relay, and what notes times in any page: when the pen moved, and when what it wrote was in a frame."""

PEN_LOG = """
window.__pen = [];
addEventListener('pointermove', (event) => {
  if (event.buttons === 0) return;
  for (const one of event.getCoalescedEvents().length ? event.getCoalescedEvents() : [event])
    window.__pen.push([one.clientX, performance.timeOrigin + one.timeStamp]);
}, true);
"""
"""Each pen event: where, and its own time."""

FRAME_LOG = """
window.__frames = [];
(() => {
  let [reach, wide, inside, asked] = [-1, 0, false, false];
  const frame = requestAnimationFrame;
  const after = () => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => { asked = false; window.__frames.push([reach - wide / 2, performance.timeOrigin + performance.now()]); };
    port2.postMessage(0);
  };
  window.requestAnimationFrame = (work) => frame((now) => { inside = true; try { work(now); } finally { inside = false; } });
  const drawn = (x, canvas) => {
    if (x <= reach) return;
    [reach, wide] = [x, canvas.width];
    if (asked) return;
    asked = true;
    if (inside) after(); else frame(after);
  };
  const pen = CanvasRenderingContext2D.prototype;
  const [line, curve] = [pen.lineTo, pen.quadraticCurveTo];
  pen.lineTo = function (x, y) { drawn(x, this.canvas); return line.call(this, x, y); };
  pen.quadraticCurveTo = function (a, b, x, y) { drawn(x, this.canvas); return curve.call(this, a, b, x, y); };
  window.__reset = () => { window.__frames = []; reach = -1; };
})();
"""
"""Each frame in which ink reached further to the right: how far from the canvas's middle, and the time after it was made."""

_PAGE = """<!doctype html><meta charset="utf-8"><style>*{margin:0}canvas{position:fixed;inset:0}</style>
<canvas data-testid="field"></canvas><script src="/client.js"></script><script>
const canvas = document.querySelector('canvas');
[canvas.width, canvas.height] = [innerWidth, innerHeight];
const pen = canvas.getContext('2d');
[pen.lineWidth, pen.lineCap] = [6, 'round'];
const socket = io({ transports: ['websocket'] });
let last = null;
const draw = (points) => {
  for (const point of points) {
    const [x, y] = [point[0] * canvas.width, point[1] * canvas.height];
    pen.beginPath(); pen.moveTo(...(last ?? [x, y])); pen.lineTo(x, y); pen.stroke();
    last = [x, y];
  }
};
socket.on('connect', () => document.body.dataset.ready = 'yes');
%s
</script>"""

BARE_PAD = _PAGE % (
    """addEventListener('pointermove', (event) => {
  if (event.buttons === 0) return;
  const all = event.getCoalescedEvents();
  const points = (all.length ? all : [event]).map((one) => [one.clientX / innerWidth, one.clientY / innerHeight]);
  draw(points); socket.emit('ink', points);
});
addEventListener('pointerup', () => { last = null; });"""
)
BARE_WALL = _PAGE % "socket.on('ink', draw); window.__clear = () => { last = null; };"
