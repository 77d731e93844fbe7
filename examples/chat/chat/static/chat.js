// One room: a websocket that comes back by itself, and goes on where it was.
const room = document.querySelector("[data-room]");
const list = document.querySelector(".messages");
const form = document.querySelector(".composer");
const field = form.elements.text;
const problem = form.querySelector(".problem");
const state = document.querySelector(".state");
const me = room.dataset.name;
const times = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit" });

let socket;
let last = "";
let pause = 250;

function element(name, className, text = "") {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

function time(at) {
  const made = element("time", "", times.format(new Date(at)));
  made.dateTime = at;
  return made;
}

function show(message) {
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 80;
  let item;
  if (message.kind === "said") {
    item = element("li", message.name === me ? "said own" : "said");
    const by = element("span", "by", message.name);
    by.append(time(message.at));
    item.append(by, element("p", "", message.text));
  } else {
    const did = message.kind === "came" ? "is here" : "has left";
    item = element("li", "moved", `${message.name} ${did}`);
    showState("open", message.present);
  }
  item.classList.add("fresh");
  list.append(item);
  if (atEnd) list.scrollTop = list.scrollHeight;
}

function showState(name, present) {
  state.dataset.state = name;
  if (name !== "open") state.textContent = "Connecting…";
  else if (present !== undefined) state.textContent = present === 1 ? "1 person here" : `${present} people here`;
}

function connect() {
  // Whatever proxy is in front: as this page came.
  const address = new URL(room.dataset.talk, location);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  if (last) address.searchParams.set("after", last);
  socket = new WebSocket(address);
  socket.addEventListener("open", () => {
    pause = 250;
    showState("open");
    if (last) state.textContent = "Connected again";
  });
  socket.addEventListener("message", (event) => {
    const message = JSON.parse(event.data);
    if (message.kind === "refused") {
      problem.textContent = message.why;
      return;
    }
    last = message.id;
    show(message);
  });
  socket.addEventListener("close", () => {
    showState("closed");
    // Not all at once, after the server has restarted.
    setTimeout(connect, pause * (1 + Math.random()));
    pause = Math.min(pause * 2, 10_000);
  });
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const text = field.value.trim();
  problem.textContent = "";
  if (!text) return;
  if (socket.readyState !== WebSocket.OPEN) {
    problem.textContent = "There is no connection right now. Your text stays here.";
    return;
  }
  socket.send(JSON.stringify({ text }));
  field.value = "";
  field.focus();
});

field.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    form.requestSubmit();
  }
});

connect();
