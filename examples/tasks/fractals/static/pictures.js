// Asks how far the pictures are, until all are ready.
const list = document.querySelector(".pictures");
const BUSY = ["waiting", "drawing"];
const EVERY = 500;

function show(picture) {
  const item = document.getElementById(`p${picture.id}`);
  if (!item) return;
  item.querySelector("progress").value = picture.percent;
  item.querySelector(".note").textContent = picture.note;
  if (item.dataset.state === picture.state) return;
  item.dataset.state = picture.state;
  if (picture.src && !item.querySelector("img")) {
    const image = Object.assign(new Image(), {src: picture.src, alt: picture.title});
    const link = Object.assign(document.createElement("a"), {href: picture.src});
    link.append(image);
    item.querySelector(".frame").prepend(link);
  }
}

async function look() {
  let pictures = [];
  try {
    const response = await fetch(list.dataset.source, {headers: {Accept: "application/json"}});
    if (!response.ok) throw new Error(response.statusText);
    pictures = await response.json();
    list.removeAttribute("data-lost");
  } catch {
    // The server is away: it is asked again, less often.
    list.dataset.lost = "";
    setTimeout(look, 4 * EVERY);
    return;
  }
  pictures.forEach(show);
  if (pictures.some(({state}) => BUSY.includes(state))) setTimeout(look, EVERY);
}

if (list.querySelector("[data-state=waiting], [data-state=drawing]")) look();
