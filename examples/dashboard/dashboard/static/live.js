// The live plot: drawn here as SVG, fed by server-sent events.
const plot = document.querySelector(".live svg");
const state = document.querySelector(".state");
const shown = Number(plot.dataset.shown);
const points = JSON.parse(document.querySelector("#points").textContent).map(read);
const clock = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const margin = { left: 40, right: 14, top: 12, bottom: 28 };

function read(reading) {
  return { at: Date.parse(reading.at), value: reading.value, smooth: reading.smooth };
}

function make(name, attributes, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

// 1, 2 or 5 times a power of ten: lines that people would draw.
function step(range, most) {
  const rough = range / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * [1, 2, 5, 10].find((times) => times * power >= rough);
}

function draw() {
  const { width, height } = plot.getBoundingClientRect();
  plot.setAttribute("viewBox", `0 0 ${width} ${height}`);
  if (points.length < 2) return;
  const values = points.flatMap((point) => [point.value, point.smooth]);
  const between = step(Math.max(Math.max(...values) - Math.min(...values), 1), 4);
  const low = Math.floor(Math.min(...values) / between) * between;
  const high = Math.ceil(Math.max(...values) / between) * between;
  const [first, last] = [points[0].at, points.at(-1).at];
  const x = (at) => margin.left + (at - first) / Math.max(last - first, 1) * (width - margin.left - margin.right);
  const y = (value) => height - margin.bottom - (value - low) / (high - low || 1) * (height - margin.top - margin.bottom);
  const path = (key) => points.map((point, n) => `${n ? "L" : "M"}${x(point.at).toFixed(1)},${y(point[key]).toFixed(1)}`).join("");

  const parts = [];
  for (let value = low; value <= high + between / 2; value += between) {
    parts.push(make("line", { class: "grid", x1: margin.left, x2: width - margin.right, y1: y(value), y2: y(value) }));
    parts.push(make("text", { x: margin.left - 10, y: y(value) + 4, "text-anchor": "end" }, Number(value.toFixed(2))));
  }
  const labels = width > 600 ? 5 : 3;
  for (let n = 0; n < labels; n++) {
    const at = first + (last - first) * n / (labels - 1);
    const anchor = n === 0 ? "start" : n === labels - 1 ? "end" : "middle";
    parts.push(make("text", { x: x(at), y: height - 6, "text-anchor": anchor }, clock.format(at)));
  }
  const smooth = path("smooth");
  parts.push(make("path", { class: "area", d: `${smooth}L${x(last)},${y(low)}L${x(first)},${y(low)}Z` }));
  parts.push(make("path", { class: "raw", d: path("value") }));
  parts.push(make("path", { class: "smooth", d: smooth }));
  parts.push(make("circle", { class: "head", r: 6, cx: x(last), cy: y(points.at(-1).smooth) }));
  plot.replaceChildren(...parts);
  tell();
}

function tell() {
  const say = (name, value) => { document.querySelector(`#${name}`).textContent = value.toFixed(1); };
  const values = points.map((point) => point.value);
  say("now", points.at(-1).value);
  say("smooth", points.at(-1).smooth);
  say("least", Math.min(...values));
  say("most", Math.max(...values));
  plot.dataset.points = points.length;
  plot.dataset.last = points.at(-1).at;
}

let waiting = false;
function redraw() {
  // At most once per picture, however many readings come, and never for a tab that nobody sees.
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => { waiting = false; draw(); });
}

const source = new EventSource(plot.dataset.events);
source.addEventListener("reading", (event) => {
  points.push(read(JSON.parse(event.data)));
  points.splice(0, points.length - shown);
  redraw();
});
// The server no longer has all that was missed.
source.addEventListener("gap", () => location.reload());
source.addEventListener("open", () => { state.dataset.state = "open"; state.textContent = "Live"; });
source.addEventListener("error", () => { state.dataset.state = "closed"; state.textContent = "Connecting…"; });
new ResizeObserver(redraw).observe(plot);
draw();
