// What is said everywhere: the browser itself comes back, and says what it had last.
const list = document.querySelector(".stream");
const state = document.querySelector(".state");
const times = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit" });

for (const made of list.querySelectorAll("time")) made.textContent = times.format(new Date(made.dateTime));

function show(message) {
  const item = document.createElement("li");
  const where = document.createElement("div");
  const text = document.createElement("p");
  const time = document.createElement("time");
  time.dateTime = message.at;
  time.textContent = times.format(new Date(message.at));
  where.className = "where";
  where.append(`${message.name} in the ${message.room}, `, time);
  text.textContent = message.text;
  item.className = "fresh";
  item.append(where, text);
  list.prepend(item);
}

const source = new EventSource(list.dataset.events);
source.addEventListener("said", (event) => show(JSON.parse(event.data)));
// The server no longer has all that was missed.
source.addEventListener("gap", () => location.reload());
source.addEventListener("open", () => { state.dataset.state = "open"; state.textContent = "Following"; });
source.addEventListener("error", () => { state.dataset.state = "closed"; state.textContent = "Connecting…"; });
