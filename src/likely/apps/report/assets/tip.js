// The box that tells about whatever is pointed at, touched or reached by the keyboard.
const tip = document.getElementById("tip");
let shownFor = null;
let quietUntil = 0;

const put = (parent, tag, text, kind) => {
  const made = parent.appendChild(document.createElement(tag));
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  return made;
};

const hideTip = () => {
  tip.hidden = true;
  if (shownFor) shownFor.classList.remove("at");
  shownFor = null;
};

// `fill` writes into the box; `target` is what it stands beside.
const showTip = (target, fill) => {
  if (shownFor === target && !tip.hidden) return;
  hideTip();
  tip.textContent = "";
  fill(tip);
  tip.hidden = false;
  shownFor = target;
  target.classList.add("at");
  const at = target.getClientRects()[0] || target.getBoundingClientRect();
  const own = tip.getBoundingClientRect();
  const wide = document.documentElement.clientWidth;
  const left = Math.min(Math.max(8, at.left + at.width / 2 - own.width / 2), wide - own.width - 8);
  const above = at.top - own.height - 10;
  tip.style.left = Math.max(8, left) + "px";
  tip.style.top = (above < 8 ? at.bottom + 10 : above) + "px";
};

addEventListener("scroll", () => { if (performance.now() > quietUntil) hideTip(); }, { passive: true });
addEventListener("keydown", (event) => { if (event.key === "Escape") hideTip(); });
